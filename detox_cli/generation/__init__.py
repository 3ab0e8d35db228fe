"""Text out of models: requests, engines, chat templates, prompts."""
