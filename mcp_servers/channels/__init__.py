"""The ways to people, by their name in `channels` of observer.yaml; a channel is one file."""

from mcp_servers.channels import github, pagerduty, slack, telegram, webhook

CHANNELS = {
    "slack": slack.offer,
    "pagerduty": pagerduty.offer,
    "telegram": telegram.offer,
    "github": github.offer,
    "webhook": webhook.offer,
}
