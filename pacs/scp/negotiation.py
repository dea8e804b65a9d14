"""Brings our choice of presentation contexts into pynetdicom's negotiation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pynetdicom import build_context
from pynetdicom.presentation import PresentationContext

from pacs.scp.exchange import AcceptedContext
from pacs.scp.presentation_contexts import Service, choose_transfer_syntax, service_of

_NOT_PROPOSED = "1.2.840.10008.1.2"


def narrow_contexts(
    proposed: Sequence[Any], receiving: Collection[str]
) -> list[PresentationContext]:
    """Leave in each proposed context the one transfer syntax we choose; what we then support.

    pynetdicom chooses per abstract syntax; requestors send several contexts with one abstract
    syntax and a transfer syntax each. Narrowed like this, nothing is left for it to choose.

    receiving  abstract syntaxes for which the requestor asked for the SCP role.
    """
    supported: dict[str, set[str]] = {}
    for context in proposed:
        abstract_syntax = str(context.abstract_syntax)
        service = service_of(abstract_syntax)
        if service is None:
            continue
        chosen = choose_transfer_syntax(
            service,
            [str(uid) for uid in context.transfer_syntax],
            requestor_receives=abstract_syntax in receiving,
        )
        known = supported.setdefault(abstract_syntax, set())
        if chosen is not None:
            context.transfer_syntax = [chosen]
            known.add(chosen)
    return [_supported(abstract, syntaxes) for abstract, syntaxes in supported.items()]


def _supported(abstract_syntax: str, transfer_syntaxes: set[str]) -> PresentationContext:
    # Where none of the proposed syntaxes is ours the answer shall be "transfer syntaxes not
    # supported", so the abstract syntax is supported, with a syntax that was not proposed.
    context = build_context(abstract_syntax, sorted(transfer_syntaxes) or [_NOT_PROPOSED])
    if service_of(abstract_syntax) is Service.STORAGE:
        context.scu_role = True
        context.scp_role = True
    return context


def accepted(context: Any) -> AcceptedContext:
    """A context that pynetdicom has negotiated, as ours."""
    return AcceptedContext(
        context_id=context.context_id,
        abstract_syntax=str(context.abstract_syntax),
        transfer_syntax_uid=str(context.transfer_syntax[0]),
        we_may_send=bool(context.as_scu),
    )
