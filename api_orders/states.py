"""Order states and the transitions between them: pure rules."""

PENDING, PLACED, REJECTED = "pending", "placed", "rejected"
PAID, SHIPPED, DELIVERED = "paid", "shipped", "delivered"
CANCELLED, RETURNED = "cancelled", "returned"

STATES = (PENDING, PLACED, REJECTED, PAID, SHIPPED, DELIVERED, CANCELLED, RETURNED)
TRANSITIONS = {
    PENDING: (PLACED, REJECTED),
    PLACED: (PAID, CANCELLED),
    PAID: (SHIPPED, CANCELLED),
    SHIPPED: (DELIVERED,),
}
# The actions that clients may ask for, and the state each leads to.
ACTIONS = {"pay": PAID, "ship": SHIPPED, "deliver": DELIVERED, "cancel": CANCELLED}
# The states of sales; returns are included because their quantities are negative.
SOLD_STATES = (PLACED, PAID, SHIPPED, DELIVERED, RETURNED)
# The states of orders that hold stock which is not shipped yet.
HOLDING_STATES = (PENDING, PLACED, PAID)


def allows(state: str, target: str) -> bool:
    """Return True if an order may go from one state to another."""
    return target in TRANSITIONS.get(state, ())


# The states of orders whose deletion has nothing to cancel.
SETTLED_STATES = tuple(s for s in STATES if s != PENDING and not allows(s, CANCELLED))


def allowed_actions(state: str) -> list[str]:
    """Return the actions that clients may ask for in a state."""
    return [name for name, target in ACTIONS.items() if allows(state, target)]


def refusal(state: str, target: str) -> str:
    """Return the message that an order cannot go to a state, and what it can do instead."""
    if state == PENDING:
        instead = "It is being placed; try again shortly."
    elif actions := allowed_actions(state):
        instead = f"It allows {' and '.join(actions)}."
    else:
        instead = "That is its last state."
    return f"An order that is {state} cannot become {target}. {instead}"
