"""A DICOM imaging archive: machines send studies in, people and programs read them out."""

__version__ = "0.1.0"
