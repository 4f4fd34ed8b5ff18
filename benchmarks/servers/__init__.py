"""The servers under test and their baselines, each a process of its own."""
