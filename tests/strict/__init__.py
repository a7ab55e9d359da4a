"""The strict Slack, part by part; `tests.strict_slack` puts it together."""
