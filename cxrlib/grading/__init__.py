"""From what students hand in to points, reasons and pages; nothing is executed."""
