"""What a drawn part of a plan is, in a sentence with the user's own numbers."""

from app.session import Session
from app.widgets.memory_bar import DRAWN
from core.memory.explain import explain
from core.memory.plan import MemoryPlan


def explain_part(session: Session, plan: MemoryPlan, part: str) -> str:
    """Return the explanation of a drawn part; what is drawn as one is explained one by one."""
    if session.model is None:
        return ""
    names = [name for name in DRAWN[part] if plan.parts[name]]
    texts = (explain(name, plan, session.model, session.settings) for name in names)
    return f"{plan.label}: " + " ".join(texts)
