"""Where a VDS is and how it is reached, as objects with the fields that ``openvds`` 3.4.9 gives them."""

from __future__ import annotations

from typing import Any, ClassVar

from mdio_vds.facade.enumerations import ConnectionType as _ConnectionType
from mdio_vds.facade.enumerations import CredentialsType as _CredentialsType
from mdio_vds.facade.enumerations import LogLevel, WaveletAdaptiveMode
from mdio_vds.facade.overloads import overloaded

__all__ = [
    "AWSOpenOptions",
    "AzureOpenOptions",
    "AzurePresignedOpenOptions",
    "DMSOpenOptions",
    "GoogleCredentialsJson",
    "GoogleCredentialsPath",
    "GoogleCredentialsSignedUrl",
    "GoogleCredentialsSignedUrlJson",
    "GoogleCredentialsSignedUrlPath",
    "GoogleCredentialsToken",
    "GoogleOpenOptions",
    "HttpOpenOptions",
    "InMemoryOpenOptions",
    "OpenOptions",
    "VDSFileOpenOptions",
]


class OpenOptions:
    """What all connections have: how much is logged, threads, and how much of a wavelet stream is read."""

    ConnectionType = _ConnectionType
    _connection: ClassVar[_ConnectionType] = _ConnectionType.Other

    def __init__(self) -> None:
        self.connectionType = self._connection
        self.logLevel = getattr(LogLevel, "None")
        self.requestThreadCount = -1
        self.waveletAdaptiveMode = WaveletAdaptiveMode.BestQuality
        self.waveletAdaptiveRatio = 1.0
        self.waveletAdaptiveTolerance = 0.009999999776482582

    def __repr__(self) -> str:
        # The fields hold secrets.
        return f"OpenOptions(connectionType='{self.connectionType.name}')"


class AWSOpenOptions(OpenOptions):
    """A bucket of S3 or of a service like it."""

    _connection = _ConnectionType.AWS

    @overloaded(
        "",
        "bucket: str, key: str, region: str, endpointOverride: str, connectionTimeoutMs: int = 3000, "
        "requestTimeoutMs: int = 6000, disableInitApi: bool = False",
        "bucket: str, key: str, region: str = '', endpointOverride: str = ''",
    )
    def __init__(
        self,
        bucket: str = "",
        key: str = "",
        region: str = "",
        endpointOverride: str = "",
        connectionTimeoutMs: int = 3000,
        requestTimeoutMs: int = 6000,
        disableInitApi: bool = False,
    ) -> None:
        super().__init__()
        self.bucket, self.key, self.region, self.endpointOverride = bucket, key, region, endpointOverride
        self.connectionTimeoutMs, self.requestTimeoutMs = connectionTimeoutMs, requestTimeoutMs
        self.disableInitApi = disableInitApi
        self.accessKeyId = self.secretKey = self.sessionToken = self.expiration = ""


class AzureOpenOptions(OpenOptions):
    """A container of Azure."""

    _connection = _ConnectionType.Azure

    @overloaded(
        "",
        "connectionString: str, container: str, blob: str",
        "connectionString: str, container: str, blob: str, parallelism_factor: int, max_execution_time: int",
    )
    def __init__(
        self,
        connectionString: str = "",
        container: str = "",
        blob: str = "",
        parallelism_factor: int = 4,
        max_execution_time: int = 100000,
    ) -> None:
        super().__init__()
        self.connectionString, self.container, self.blob = connectionString, container, blob
        self.parallelism_factor, self.max_execution_time = parallelism_factor, max_execution_time
        self.accountName = self.bearerToken = ""

    @staticmethod
    def azureOpenOptionsBearer(accountName: str, bearerToken: str, container: str, blob: str) -> AzureOpenOptions:
        """Return options for a bearer token."""
        made = AzureOpenOptions("", container, blob)
        made.accountName, made.bearerToken = accountName, bearerToken
        return made


class AzurePresignedOpenOptions(OpenOptions):
    """A container of Azure behind signed URLs."""

    _connection = _ConnectionType.AzurePresigned

    @overloaded("", "baseUrl: str, urlSuffix: str")
    def __init__(self, baseUrl: str = "", urlSuffix: str = "") -> None:
        super().__init__()
        self.baseUrl, self.urlSuffix = baseUrl, urlSuffix


class _GoogleCredentials:
    type: ClassVar[_CredentialsType]

    def __init__(self, text: str = "", region: str = "") -> None:
        self._text, self._region = text, region


class GoogleCredentialsToken(_GoogleCredentials):
    """An access token."""

    type = _CredentialsType.AccessToken

    @overloaded("token: str")
    def __init__(self, token: str) -> None:
        super().__init__(token)


class GoogleCredentialsPath(_GoogleCredentials):
    """A file with the key of a service account."""

    type = _CredentialsType.Path

    @overloaded("path: str")
    def __init__(self, path: str) -> None:
        super().__init__(path)


class GoogleCredentialsJson(_GoogleCredentials):
    """The key of a service account."""

    type = _CredentialsType.Json

    @overloaded("json: str")
    def __init__(self, json: str) -> None:
        super().__init__(json)


class GoogleCredentialsSignedUrl(_GoogleCredentials):
    """Signed URLs with the credentials of the environment."""

    type = _CredentialsType.SignedUrl

    @overloaded("region: str")
    def __init__(self, region: str) -> None:
        super().__init__("", region)


class GoogleCredentialsSignedUrlPath(_GoogleCredentials):
    """Signed URLs with the key in a file."""

    type = _CredentialsType.SignedUrlPath

    @overloaded("region: str, path: str")
    def __init__(self, region: str, path: str) -> None:
        super().__init__(path, region)


class GoogleCredentialsSignedUrlJson(_GoogleCredentials):
    """Signed URLs with a key."""

    type = _CredentialsType.SignedUrlJson

    @overloaded("region: str, json: str")
    def __init__(self, region: str, json: str) -> None:
        super().__init__(json, region)


class GoogleOpenOptions(OpenOptions):
    """A bucket of Google Cloud Storage."""

    CredentialsType = _CredentialsType
    _connection = _ConnectionType.GoogleStorage

    @overloaded("", "bucket: str, pathPrefix: str", "bucket: str, pathPrefix: str, credentials: _GoogleCredentials")
    def __init__(self, bucket: str = "", pathPrefix: str = "", credentials: _GoogleCredentials | None = None) -> None:
        super().__init__()
        self.bucket, self.pathPrefix, self.storageClass = bucket, pathPrefix, ""
        self.credentialsType = _CredentialsType.Default if credentials is None else credentials.type
        self.credentials = "" if credentials is None else credentials._text
        self.region = "" if credentials is None else credentials._region

    def setSignedUrl(self) -> bool:
        """Ask for signed URLs; whether they are possible with these credentials."""
        if self.credentialsType == _CredentialsType.AccessToken:
            return False
        self.credentialsType = _CredentialsType(self.credentialsType | _CredentialsType.SignedUrl)
        return True


class HttpOpenOptions(OpenOptions):
    """A web server."""

    _connection = _ConnectionType.Http

    @overloaded("", "url: str")
    def __init__(self, url: str = "") -> None:
        super().__init__()
        self.url = url


class InMemoryOpenOptions(OpenOptions):
    """A name in the memory of this process."""

    _connection = _ConnectionType.InMemory

    @overloaded("", "name: str")
    def __init__(self, name: str = "") -> None:
        super().__init__()
        self.name = name


class VDSFileOpenOptions(OpenOptions):
    """A local file, or a local directory in the object layout."""

    _connection = _ConnectionType.VDSFile

    @overloaded("", "fileName: str")
    def __init__(self, fileName: str = "") -> None:
        super().__init__()
        self.fileName = fileName


_DMS = (
    "sdAuthorityUrl",
    "sdApiKey",
    "sdToken",
    "datasetPath",
    "authTokenUrl",
    "refreshToken",
    "clientId",
    "clientSecret",
    "scopes",
    "useFileNameForSingleFileDatasets",
    "legalTag",
    "httpProxy",
)


class DMSOpenOptions(OpenOptions):
    """A data set of a seismic DMS; such options can be made, but not opened here."""

    _connection = _ConnectionType.DMS

    @overloaded(
        "",
        ", ".join(f"{name}: bool = False" if name.startswith("use") else f"{name}: str" for name in _DMS),
    )
    def __init__(self, **given: Any) -> None:
        super().__init__()
        for name in _DMS:
            setattr(self, name, given.get(name, False if name.startswith("use") else ""))

    def __repr__(self) -> str:
        return "OpenOptions(connectionType='Dms')"
