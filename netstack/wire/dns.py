"""SRV records (RFC 2782) on the wire of DNS (RFC 1035); dnspython is the codec, and opens nothing."""

from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from netstack.errors import DecodeError

TTL_S = 300


class Srv(NamedTuple):
    """One server of a service. Lower priorities first; `weight` is its share among its priority."""

    priority: int
    weight: int
    port: int
    target: str


def encode_srv_query(name: str, query_id: int) -> bytes:
    """A question for a name server. Raises DecodeError for what is no name."""
    try:
        return dns.message.make_query(name, dns.rdatatype.SRV, id=query_id).to_wire()
    except dns.exception.DNSException as error:
        raise DecodeError(DecodeError.Reason.MALFORMED, name[:60]) from error


def decode_srv_answer(data: bytes, name: str, query_id: int) -> tuple[Srv, ...]:
    """What a name server says of `name`, none where there is nothing; a target of "." says that it is not offered.

    Raises DecodeError for anything else than the answer to that question.
    """
    try:
        message = dns.message.from_wire(data)
        asked = dns.name.from_text(name)
        if not isinstance(message, dns.message.QueryMessage):
            raise DecodeError(DecodeError.Reason.MALFORMED, "not an answer")
        question = message.question[0] if len(message.question) == 1 else None
        whole = not message.flags & dns.flags.TC and message.flags & dns.flags.QR
        if message.id != query_id or not whole or question is None or question.name != asked:
            raise DecodeError(DecodeError.Reason.MALFORMED, "not the answer to that question")
        if message.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
            raise DecodeError(DecodeError.Reason.MALFORMED, dns.rcode.to_text(message.rcode()))
        wanted = message.canonical_name()
        found = (
            Srv(each.priority, each.weight, each.port, each.target.to_text(omit_final_dot=True))
            for rrset in message.answer
            if rrset.rdtype == dns.rdatatype.SRV and rrset.name == wanted
            for each in rrset
        )
        return tuple(sorted(found))  # what a name server sends comes in any order
    except DecodeError:
        raise
    except (dns.exception.DNSException, ValueError, AttributeError, NotImplementedError) as error:
        raise DecodeError(DecodeError.Reason.MALFORMED, type(error).__name__) from error


def answer_srv(data: bytes, records: dict[str, tuple[Srv, ...]]) -> bytes | None:
    """A name server's answer to one question out of `records` (by name, small letters); None to rubbish."""
    try:
        query = dns.message.from_wire(data)
        if query.flags & dns.flags.QR or len(query.question) != 1:
            return None
        question = query.question[0]
        reply = dns.message.make_response(query, recursion_available=True)
        found = records.get(question.name.to_text(omit_final_dot=True).lower())
        if found is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.SRV:
            texts = [f"{each.priority} {each.weight} {each.port} {each.target}." for each in found]
            reply.answer.append(dns.rrset.from_text_list(question.name, TTL_S, "IN", "SRV", texts))
        return reply.to_wire()
    except (dns.exception.DNSException, ValueError):
        return None
