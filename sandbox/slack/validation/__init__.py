"""What Slack refuses: limits, shapes and surfaces of messages, blocks, views and metadata."""
