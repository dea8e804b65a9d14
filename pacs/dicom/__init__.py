"""What the DICOM standard fixes, as tables and values: no files, no network, no clock."""
