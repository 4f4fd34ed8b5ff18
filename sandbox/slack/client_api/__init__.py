"""The page's side of the workspace: docs/sandbox-client-api.md, route by route."""
