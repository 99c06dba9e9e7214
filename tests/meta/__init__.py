"""Claims about the project's own files: rules of the house that no linter knows."""
