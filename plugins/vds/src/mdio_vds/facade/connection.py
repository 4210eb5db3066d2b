"""URLs and connection strings of the API, read into options, and options into stores of the toolkit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.storage.urls import local_path, scheme
from mdio_vds.facade.enumerations import CredentialsType, WaveletAdaptiveMode
from mdio_vds.facade.options import (
    AWSOpenOptions,
    AzureOpenOptions,
    AzurePresignedOpenOptions,
    DMSOpenOptions,
    GoogleOpenOptions,
    HttpOpenOptions,
    InMemoryOpenOptions,
    OpenOptions,
    VDSFileOpenOptions,
)

if TYPE_CHECKING:
    from mdio.storage.store import Store

__all__ = ["PROTOCOLS", "Place", "options_of", "place_of"]

_COMMON = ("LogLevel", "RequestThreadCount", "WaveletAdaptiveMode", "WaveletAdaptiveTolerance", "WaveletAdaptiveRatio")
_ADAPTIVE = {
    "waveletadaptivetolerance": (WaveletAdaptiveMode.Tolerance, "waveletAdaptiveTolerance"),
    "waveletadaptiveratio": (WaveletAdaptiveMode.Ratio, "waveletAdaptiveRatio"),
}
_AWS = {
    "region": "region",
    "endpointoverride": "endpointOverride",
    "accesskeyid": "accessKeyId",
    "secretkey": "secretKey",
    "sessiontoken": "sessionToken",
    "expiration": "expiration",
    "connectiontimeoutms": "connectionTimeoutMs",
    "requesttimeoutms": "requestTimeoutMs",
    "disableinitapi": "disableInitApi",
}


@dataclass(frozen=True)
class Place:
    """Where a VDS lies: a URL of the toolkit and the options of its filesystem, which may hold secrets."""

    url: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def store(self) -> Store:
        """Return the store."""
        from mdio.convert import Stores

        return Stores(self.options).open(self.url)

    @property
    def local(self) -> bool:
        """Whether it is on a disk of this machine."""
        return local_path(self.url) is not None


def options_of(url: str, connectionString: str = "") -> OpenOptions:
    """Return the options of a URL and a connection string, ``Key=Value;…`` with keys in any case.

    Raises
    ------
    RuntimeError
        No ``=`` in a part, a key that this kind of connection does not have, or a number that is none.
    """
    kind = scheme(url)
    made = _MAKERS.get(kind)
    if made is None:
        path = str(local_path(url)) if kind == "file" and url.startswith("file://") else url
        return _adapt(VDSFileOpenOptions(path), connectionString)
    return _adapt(made(url, connectionString), connectionString)


def _adapt(options: OpenOptions, text: str) -> OpenOptions:
    """Take up how much of wavelet chunks is read: by the tolerance or the ratio given, whatever mode is named."""
    given = {key: value for key, value in _pairs(text).items() if key in _ADAPTIVE}
    if len(given) > 1:
        raise RuntimeError(f"{' and '.join(given)} exclude each other in a connection string")
    for key, value in given.items():
        mode, name = _ADAPTIVE[key]
        try:
            setattr(options, name, float(np.float32(value)))
        except ValueError:
            raise RuntimeError(f"Connection string parameter {key}: {value!r} is not a number.") from None
        options.waveletAdaptiveMode = mode
    return options


def _pairs(text: str) -> dict[str, str]:
    pairs = {}
    for part in text.split(";"):
        key, equals, value = part.partition("=")
        if not key.strip():
            continue
        if not equals:
            raise RuntimeError(
                f"Missing required = sign for name {key.strip()} in connection string. "
                "Every key has to have a = sign next to it."
            )
        pairs[key.strip().lower()] = value.strip()
    return pairs


def _fill(options: OpenOptions, pairs: Mapping[str, str], fields: Mapping[str, str], kind: str) -> OpenOptions:
    common = {name.lower() for name in _COMMON}
    for key, value in pairs.items():
        if key in common:
            continue
        if key not in fields:
            raise RuntimeError(f'Invalid key "{key}" in {kind} connection string.')
        old = getattr(options, fields[key])
        known: Any = value
        if isinstance(old, bool):
            known = value.lower() in ("1", "true", "on", "yes")
        elif isinstance(old, int):
            try:
                known = int(value)
            except ValueError:
                raise RuntimeError(f"Connection string parameter {key}: {value!r} is not a whole number.") from None
        setattr(options, fields[key], known)
    return options


def _rest(url: str) -> tuple[str, str]:
    bucket, _, key = url.partition("://")[2].partition("/")
    return bucket, key.rstrip("/")


def _aws(url: str, text: str) -> OpenOptions:
    bucket, key = _rest(url)
    if not bucket:
        raise RuntimeError("S3 url is missing bucket")
    return _fill(AWSOpenOptions(bucket, key), _pairs(text), _AWS, "S3")


def _azure(url: str, text: str) -> OpenOptions:
    container, blob = _rest(url)
    pairs = _pairs(text)
    if "bearertoken" in pairs:
        return AzureOpenOptions.azureOpenOptionsBearer(
            pairs.get("accountname", ""), pairs["bearertoken"], container, blob
        )
    return AzureOpenOptions(text, container, blob)


def _presigned(url: str, text: str) -> OpenOptions:
    made = AzurePresignedOpenOptions("https://" + url.partition("://")[2], "")
    return _fill(made, _pairs(text), {"suffix": "urlSuffix"}, "AzureSAS")


def _google(url: str, text: str) -> OpenOptions:
    made, pairs = GoogleOpenOptions(*_rest(url)), _pairs(text)
    if "token" in pairs:
        made.credentialsType, made.credentials = CredentialsType.AccessToken, pairs.pop("token")
    return _fill(made, pairs, {"storageclass": "storageClass"}, "GS")


def _dms(url: str, text: str) -> OpenOptions:
    made = DMSOpenOptions()
    made.datasetPath = url  # type: ignore[attr-defined]
    known = {name.lower(): name for name in vars(made)}
    for key, value in _pairs(text).items():
        if key in known:
            setattr(made, known[key], value)
    return made


_MAKERS: dict[str, Callable[[str, str], OpenOptions]] = {
    "s3": _aws,
    "azure": _azure,
    "azuresas": _presigned,
    "gs": _google,
    "http": lambda url, _: HttpOpenOptions(url),
    "https": lambda url, _: HttpOpenOptions(url),
    "inmemory": lambda url, _: InMemoryOpenOptions(url.partition("://")[2]),
    "sd": _dms,
}

PROTOCOLS = frozenset({*_MAKERS, "file"})
"""Schemes of URLs that are known; any other filesystem that fsspec knows opens too."""


def place_of(options: OpenOptions) -> Place:
    """Return where options lead.

    Raises
    ------
    RuntimeError
        Something needed is missing, or a seismic DMS is asked for.
    """
    if isinstance(options, VDSFileOpenOptions):
        return Place(options.fileName)
    if isinstance(options, InMemoryOpenOptions):
        return Place(f"memory://openvds/{options.name}")
    if isinstance(options, HttpOpenOptions):
        return Place(options.url)
    if isinstance(options, AWSOpenOptions):
        return Place(f"s3://{options.bucket}/{options.key}", _s3_options(options))
    if isinstance(options, AzureOpenOptions):
        return Place(f"abfs://{options.container}/{options.blob}", _abfs_options(options))
    if isinstance(options, AzurePresignedOpenOptions):
        return _signed_place(options)
    if isinstance(options, GoogleOpenOptions):
        return Place(f"gs://{options.bucket}/{options.pathPrefix}", _gs_options(options))
    raise RuntimeError("sd:// data sets cannot be opened here: copy the VDS to a file or a bucket with VDSCopy first")


def _s3_options(options: AWSOpenOptions) -> dict[str, Any]:
    client = {"endpoint_url": options.endpointOverride, "region_name": options.region}
    timeouts = {"connect_timeout": options.connectionTimeoutMs / 1000, "read_timeout": options.requestTimeoutMs / 1000}
    named = {
        "key": options.accessKeyId,
        "secret": options.secretKey,
        "token": options.sessionToken,
        "client_kwargs": {name: value for name, value in client.items() if value},
    }
    return {name: value for name, value in named.items() if value} | {"config_kwargs": timeouts}


def _abfs_options(options: AzureOpenOptions) -> dict[str, Any]:
    if options.bearerToken:
        return {"account_name": options.accountName, "credential": options.bearerToken}
    if not options.connectionString:
        raise RuntimeError("Azure Config error. Must provide a connection string or a bearer token")
    return {"connection_string": options.connectionString}


def _signed_place(options: AzurePresignedOpenOptions) -> Place:
    base, _, query = options.baseUrl.partition("?")
    host, _, path = base.partition("://")[2].partition("/")
    token = (options.urlSuffix or query).removeprefix("?")
    return Place(f"abfs://{path.rstrip('/')}", {"account_name": host.partition(".")[0], "sas_token": token})


def _gs_options(options: GoogleOpenOptions) -> dict[str, Any]:
    plain = CredentialsType(options.credentialsType & ~CredentialsType.SignedUrl)
    if plain == CredentialsType.Json:
        try:
            return {"token": json.loads(options.credentials)}
        except ValueError:  # whose message shows what it could not read
            raise RuntimeError("Google credentials are not JSON") from None
    return {"token": options.credentials} if options.credentials else {}
