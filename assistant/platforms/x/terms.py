"""What X's terms and rules ask of whoever connects an account."""

from assistant.config import XAccount
from assistant.platforms.x.wire import RULE

GOVERNMENT = (
    "X's terms ask everybody who shows X content to a government body to hold an Enterprise plan "
    "and to name that body to X, which may refuse (Developer Agreement, 'Government Use')"
)


def notices(account: XAccount) -> tuple[str, ...]:
    """Return what to know before connecting this account, a sentence each."""
    enterprise = account.plan == "enterprise"
    plan = (
        "your contract with X must name your organisation"
        if enterprise
        else "the plan here is pay_per_use: ask X for an Enterprise plan first"
    )
    rule = "your plan is exempt" if enterprise else "other posts get a card without a draft"
    prices = account.prices
    budget = "no daily budget is set"
    if account.daily_budget is not None:
        budget = f"reading stops for the day (UTC) at ${account.daily_budget}"
    costs = f"a mention read ${prices.mention_read}, a reply ${prices.reply}"
    told = (
        f"{GOVERNMENT}; {plan}",
        f"{RULE}; {rule}",
        f"prices as of {prices.as_of}, they change: {costs}; {budget}",
    )
    return tuple(f"{account.handle} on X: {each}." for each in told)
