"""What a malicious file, model or address cannot do."""
