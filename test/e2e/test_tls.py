"""A service over TLS: who it is is checked, and a doubt is no delivery."""
import datetime
import ipaddress
import ssl
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def certificate(folder, name, host, issuer=None, days=1):
    """Writes NAME.pem (certificate and key); returns what signs others."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer[0] if issuer else subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(now + datetime.timedelta(days=days))
               .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True))
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), False)
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) +
        made.public_bytes(serialization.Encoding.PEM))
    return subject, key


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    authority = certificate(folder, "authority", None)
    certificate(folder, "good", "127.0.0.1", authority)
    certificate(folder, "other", "127.0.0.2", authority)
    certificate(folder, "old", "127.0.0.1", authority, days=-1)
    return folder


def server(pki, name, newest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / f"{name}.pem")
    if newest:
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def run(sluice, service, pki=None):
    env = {"SSL_CERT_FILE": str(pki / "authority.pem")} if pki else {}
    return sluice("run", "--from", "synthetic:", "--to", service.url, "--count", "5", "--batch-age", "100ms", "--for", "2s",
                  "--drain", "2s", env=env).end(20)


def test_a_service_that_is_who_it_says(pki, sluice, receiver):
    service = receiver(tls=server(pki, "good"))
    ended = run(sluice, service, pki)
    assert ended.code == 0 and ended.account["deleted"] == 5, ended
    assert len(service.bodies) == 5


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_connection_is_kept(pki, sluice, receiver, newest):
    """Also with session tickets, which are bytes on a connection that nobody asked for."""
    service = receiver(tls=server(pki, "good", newest))
    ended = sluice("run", "--from", "synthetic:", "--to", service.url, "--count", "20", "--batch-count", "1",
                   "--concurrency", "1", env={"SSL_CERT_FILE": str(pki / "authority.pem")}).end(20)
    assert ended.code == 0 and ended.account["deleted"] == 20, ended
    assert len({request.port for request in service.requests}) == 1


@pytest.mark.parametrize("why, name, trusted", [
    ("unknown authority", "good", False), ("another host", "other", True), ("expired", "old", True)])
def test_a_service_in_doubt_gets_nothing(pki, sluice, receiver, why, name, trusted):
    service = receiver(tls=server(pki, name))
    ended = run(sluice, service, pki if trusted else None)
    assert ended.code == 75 and ended.account["abandoned"] == 5, ended
    assert not service.requests, why
    assert "TLS" in ended.err or "certificate" in ended.err, ended


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_1_1_is_too_old(pki, sluice, receiver):
    service = receiver(tls=server(pki, "good", ssl.TLSVersion.TLSv1_1))
    lax = ssl._create_unverified_context()
    lax.minimum_version = ssl.TLSVersion.TLSv1
    lax.set_ciphers("ALL:@SECLEVEL=0")
    urllib.request.urlopen(service.url, b"from somebody who is not so particular", context=lax).close()

    ended = run(sluice, service, pki)

    assert ended.code == 75 and ended.account["abandoned"] == 5, ended
    assert len(service.requests) == 1
