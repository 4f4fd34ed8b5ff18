"""The remediation catalogue: one file per action, and the machinery that they share."""
