import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.wire.upnp import SERVICE_TYPES, SoapFault, WanService, encode_call, read_description, read_reply

LOCATION = "http://192.0.2.1:5000/rootDesc.xml"
SERVICE = WanService(SERVICE_TYPES[1], Address("192.0.2.1", 5000), "/ctl/IPConn")


def description(*services: tuple[str, str], base: str = "") -> bytes:
    inner = "".join(
        f"<service><serviceType>{kind}</serviceType><controlURL>{url}</controlURL></service>"
        for kind, url in services
    )
    return (
        f'<root xmlns="urn:schemas-upnp-org:device-1-0">{base}<device><friendlyName>A\tbox</friendlyName>'
        f"<deviceList><device><serviceList>{inner}</serviceList></device></deviceList></device></root>"
    ).encode()


def test_services_come_best_first_and_relative_to_the_location():
    data = description(
        ("urn:schemas-upnp-org:service:Layer3Forwarding:1", "/l3"),
        (SERVICE_TYPES[2], "ppp"),
        (SERVICE_TYPES[1], "/ctl/IPConn"),
    )
    name, services = read_description(data, LOCATION)
    assert name == "Abox"
    assert services == (SERVICE, WanService(SERVICE_TYPES[2], Address("192.0.2.1", 5000), "/ppp"))


def test_a_url_base_is_heeded():
    data = description((SERVICE_TYPES[1], "x"), base="<URLBase>http://192.0.2.9:81/</URLBase>")
    assert read_description(data, LOCATION)[1][0].control == Address("192.0.2.9", 81)


@pytest.mark.parametrize(
    "url", ["https://192.0.2.1/x", "http://evil.example/x", "http://[bad/x", "file:///x"]
)
def test_a_control_url_that_is_not_plain_is_refused(url):
    with pytest.raises(DecodeError):
        read_description(description((SERVICE_TYPES[1], url)), LOCATION)


def test_a_call_escapes_what_it_carries():
    headers, body = encode_call(SERVICE, "AddPortMapping", {"NewDescription": "<&>"})
    assert headers["SOAPAction"] == f'"{SERVICE_TYPES[1]}#AddPortMapping"'
    assert b"<NewDescription>&lt;&amp;&gt;</NewDescription>" in body


ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
FAULT = (
    "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError>"
    "<errorCode>{}</errorCode><errorDescription>Conflict</errorDescription></UPnPError></detail></s:Fault>"
)


def test_a_reply_is_values_by_name_or_a_fault():
    values = '<u:GetXResponse xmlns:u="urn:x"><NewA>1</NewA><NewB/></u:GetXResponse>'
    assert read_reply(ENVELOPE.format(values).encode(), "GetX") == {"NewA": "1", "NewB": ""}
    assert read_reply(ENVELOPE.format(FAULT.format(718)).encode(), "GetX") == SoapFault(718, "Conflict")
    assert read_reply(ENVELOPE.format(FAULT.format("?")).encode(), "GetX") == SoapFault(0, "UPnPError")


@pytest.mark.parametrize(
    "data", [b"<a/>", ENVELOPE.format("").encode(), ENVELOPE.format("<Other/>").encode()]
)
def test_what_is_no_answer_is_refused(data):
    with pytest.raises(DecodeError):
        read_reply(data, "GetX")


@given(st.binary(max_size=60))
def test_any_bytes_give_a_value_or_a_decode_error(data):
    for read in (lambda: read_reply(data, "GetX"), lambda: read_description(data, LOCATION)):
        try:
            read()
        except DecodeError:
            continue
