"""The HTTP door: DICOMweb, the JSON of the viewer and the viewer itself."""
