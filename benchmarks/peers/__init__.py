"""Scripts that other libraries' interpreter runs (.venv-peers); they import nothing of this project."""
