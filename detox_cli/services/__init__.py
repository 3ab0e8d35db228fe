"""What each command does, in plain Python: ``run(settings, progress) -> Result``."""
