"""The shop's own table."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Order(models.Model):
    """What a customer bought and paid."""

    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    article = models.CharField(max_length=200)
    cents = models.PositiveIntegerField()
    placed_at = models.DateTimeField(auto_now_add=True)
