"""Opening hours, holidays, periods and limits: the clocks of law and of business."""
