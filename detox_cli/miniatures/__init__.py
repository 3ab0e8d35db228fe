"""The bundled small models and sample data, named ``builtin:NAME``."""
