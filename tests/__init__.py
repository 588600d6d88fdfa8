"""Tests of custledger; the folders mirror the package."""
