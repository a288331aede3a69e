"""An examination that a reader orders one look and one probe at a time."""
