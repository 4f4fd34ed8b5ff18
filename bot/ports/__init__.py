"""What the core needs from outside, as protocols. Integrations implement them; tests run one suite over each."""
