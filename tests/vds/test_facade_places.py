"""Options and connection strings of the OpenVDS API, and where they lead; the grid in the world."""

import pytest

import mdio_vds as openvds
from mdio_vds.facade.connection import place_of


def place(url, string=""):
    found = place_of(openvds.createOpenOptions(url, string))
    return found.url, dict(found.options)


def test_s3():
    text = " Region = eu ;AccessKeyId=a;SecretKey=b;SessionToken=c;EndpointOverride=http://x;ConnectionTimeoutMs=5"
    url, options = place("s3://bucket/some/key", text)
    assert url == "s3://bucket/some/key"
    assert options == {
        "key": "a", "secret": "b", "token": "c",
        "client_kwargs": {"endpoint_url": "http://x", "region_name": "eu"},
        "config_kwargs": {"connect_timeout": 0.005, "read_timeout": 6.0},
    }  # fmt: skip
    assert "key" not in place("s3://bucket/key")[1]


def test_azure_google_http_memory_and_files():
    text = "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=k"
    assert place("azure://cont/blob/x", text) == ("abfs://cont/blob/x", {"connection_string": text})
    assert place("azure://cont/blob", "BearerToken=zz;AccountName=acc") == (
        "abfs://cont/blob", {"account_name": "acc", "credential": "zz"},
    )  # fmt: skip
    assert place("azureSAS://acc.blob.core.windows.net/cont/blob", "Suffix=?sig=1") == (
        "abfs://cont/blob", {"account_name": "acc", "sas_token": "sig=1"},
    )  # fmt: skip
    assert place("gs://bucket/path", "Token=t") == ("gs://bucket/path", {"token": "t"})
    assert place("gs://bucket/path") == ("gs://bucket/path", {})
    assert place("https://host/a/b?x=1") == ("https://host/a/b?x=1", {})
    assert place("inmemory://q") == ("memory://openvds/q", {})
    assert place("file:///tmp/x") == ("/tmp/x", {})
    assert place("/tmp/x", "Anything=1") == ("/tmp/x", {})
    json = openvds.GoogleOpenOptions("b", "p", openvds.GoogleCredentialsSignedUrlJson("r", '{"a": 1}'))
    assert place_of(json).options == {"token": {"a": 1}}


@pytest.mark.parametrize(
    ("url", "string", "message"),
    [
        ("s3://b/k", "Regio=1", 'Invalid key "regio" in S3 connection string.'),
        ("gs://b/k", "Region=r", 'Invalid key "region" in GS connection string.'),
        ("azureSAS://a/b", "Bogus=1", 'Invalid key "bogus" in AzureSAS connection string.'),
        ("s3://b/k", "nonsense", "Missing required = sign for name nonsense"),
        ("s3://", "", "S3 url is missing bucket"),
        ("s3://b/k", "ConnectionTimeoutMs=soon", "connectiontimeoutms: 'soon' is not a whole number"),
        ("s3://b/k", "WaveletAdaptiveRatio=much", "waveletadaptiveratio: 'much' is not a number"),
        (
            "s3://b/k",
            "WaveletAdaptiveRatio=2;WaveletAdaptiveTolerance=1",
            "waveletadaptiveratio and waveletadaptivetolerance exclude each other",
        ),
    ],
)
def test_wrong_connection_strings(url, string, message):
    with pytest.raises(RuntimeError, match=message):
        openvds.createOpenOptions(url, string)
    error = openvds.VDSError()
    assert openvds.createOpenOptions(url, string, error) is None
    assert error.code == -1 and message in error.string


def test_places_that_cannot_be_opened():
    with pytest.raises(RuntimeError, match="VDSCopy"):
        openvds.open("sd://tenant/x")
    with pytest.raises(RuntimeError, match="connection string or a bearer token"):
        openvds.open("azure://a/b")
    with pytest.raises(RuntimeError, match="foo"):
        openvds.open("foo://x")


def test_credentials_that_are_no_json():
    wrong = openvds.GoogleOpenOptions("b", "p", openvds.GoogleCredentialsJson('{"private_key": hush}'))
    with pytest.raises(RuntimeError, match=r"^Google credentials are not JSON$"):
        openvds.open(wrong)


def test_values_of_connection_strings():
    made = openvds.createOpenOptions("s3://b/k", "LogLevel=3;DisableInitApi=On;RequestTimeoutMs=70; ")
    assert (made.disableInitApi, made.requestTimeoutMs) == (True, 70)
    assert not openvds.createOpenOptions("s3://b/k", "DisableInitApi=off").disableInitApi
    assert openvds.createOpenOptions("sd://tenant/x", "SdToken=abc").datasetPath == "sd://tenant/x"


def test_secrets_are_not_shown():
    options = openvds.createOpenOptions("s3://b/k", "SecretKey=hush;AccessKeyId=sssh")
    for text in (repr(options), repr(place_of(options)), str(openvds.GoogleCredentialsToken("hush"))):
        assert "hush" not in text and "sssh" not in text


SCS = {
    "Origin": ("DoubleVector2", (500000.0, 6000000.0)),
    "InlineSpacing": ("DoubleVector2", (25.0, 3.0)),
    "CrosslineSpacing": ("DoubleVector2", (-2.0, 12.5)),
}
IJK = {
    "Origin3D": ("DoubleVector3", (1.0, 2.0, 3.0)),
    "IStepVector": ("DoubleVector3", (1.0, 2.0, 0.0)),
    "JStepVector": ("DoubleVector3", (-2.0, 1.0, 0.0)),
    "KStepVector": ("DoubleVector3", (0.0, 0.5, -4.0)),
}
SAMPLE, CROSSLINE, INLINE = (50, "Sample", 0, 196), (40, "Crossline", 1000, 1039), (30, "Inline", 1, 30)
Z4 = (0.0, 0.0, -4.0)
GRIDS = [
    # axes, metadata, and what OpenVDS 3.4.9 returns: origin, steps of i, j and k, dimensions
    ([SAMPLE, CROSSLINE, INLINE], SCS,
     ((498025.0, 6012503.0, 0.0), (25.0, 3.0, 0.0), (-2.0, 12.5, 0.0), Z4, (2, 1, 0))),
    ([(50, "Depth", 100, 198), INLINE, CROSSLINE], SCS,
     ((498025.0, 6012503.0, -100.0), (25.0, 3.0, 0.0), (-2.0, 12.5, 0.0), (0.0, 0.0, -2.0), (1, 2, 0))),
    ([INLINE, CROSSLINE, SAMPLE], SCS,
     ((498025.0, 6012503.0, 0.0), (25.0, 3.0, 0.0), (-2.0, 12.5, 0.0), Z4, (0, 1, 2))),
    ([SAMPLE, (3, "Offset", 0, 2), CROSSLINE, INLINE], SCS,
     ((498025.0, 6012503.0, 0.0), (25.0, 3.0, 0.0), (-2.0, 12.5, 0.0), Z4, (3, 2, 0))),
    ([SAMPLE, CROSSLINE, (1, "Inline", 5, 5)], SCS,
     ((498125.0, 6012515.0, 0.0), (25.0, 3.0, 0.0), (-2.0, 12.5, 0.0), Z4, (2, 1, 0))),
    ([SAMPLE, CROSSLINE, INLINE], {"Origin": SCS["Origin"]},
     ((500001.0, 6001000.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), Z4, (2, 1, 0))),
    ([SAMPLE, CROSSLINE, INLINE], {}, ((1.0, 1000.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), Z4, (2, 1, 0))),
    ([SAMPLE, CROSSLINE], SCS, ((498000.0, 6012500.0, 0.0), (0.0, 0.0, -1.0), (-2.0, 12.5, 0.0), Z4, (-1, 1, 0))),
    ([(50, "I", 100, 149), (40, "J", 5, 83), (30, "K", 7, 36)], IJK,
     ((91.0, 210.5, -25.0), (1.0, 2.0, 0.0), (-4.0, 2.0, 0.0), (0.0, 0.5, -4.0), (0, 1, 2))),
    ([(50, "K", 100, 149), (40, "J", 5, 83), (30, "I", 7, 36)], IJK,
     ((-2.0, 71.0, -397.0), (1.0, 2.0, 0.0), (-4.0, 2.0, 0.0), (0.0, 0.5, -4.0), (2, 1, 0))),
    ([(50, "X", 100, 149), (40, "Y", 5, 83), (30, "Z", 7, 36)], {},
     ((100.0, 5.0, 7.0), (0.0, 0.0, 1.0), (0.0, 2.0, 0.0), (1.0, 0.0, 0.0), (2, 1, 0))),
    ([(50, "Foo", 100, 198), (40, "Bar", 5, 44), (30, "Baz", 7, 36)], SCS,
     ((500000.0, 6000000.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (2, 1, 0))),
    ([(5, "Foo", 5, 9), INLINE, (5, "Q", 5, 9)], SCS,
     ((500025.0, 6000003.0, 0.0), (25.0, 3.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (1, 2, 0))),
    ([CROSSLINE, INLINE, (5, "Foo", 5, 9)], SCS,
     ((498025.0, 6012503.0, 0.0), (25.0, 3.0, 0.0), (-2.0, 12.5, 0.0), (0.0, 0.0, 0.0), (1, 0, 2))),
]  # fmt: skip


@pytest.mark.parametrize(("axes", "metadata", "expected"), GRIDS)
def test_grid_in_the_world(tmp_path, axes, metadata, expected):
    given = openvds.MetadataContainer()
    for name, (kind, value) in metadata.items():
        getattr(given, f"setMetadata{kind}")("SurveyCoordinateSystem", name, value)
    kind = openvds.VolumeDataLayoutDescriptor
    brick = kind(kind.BrickSize.BrickSize_32, 0, 0, 4, kind.LODLevels.LODLevels_None, kind.Options.Options_None)
    described = [openvds.VolumeDataAxisDescriptor(n, name, "", low, high) for n, name, low, high in axes]
    channel = openvds.VolumeDataChannelDescriptor(
        openvds.VolumeDataFormat.Format_R32, openvds.VolumeDataComponents.Components_1, "A", "", 0, 1
    )
    handle = openvds.create(str(tmp_path / "a.vds"), "", brick, described, [channel], given)
    grid = openvds.getLayout(handle).getVDSIJKGridDefinitionFromMetadata()
    openvds.close(handle, False)
    found = grid.origin, grid.iUnitStep, grid.jUnitStep, grid.kUnitStep, grid.dimensionMap
    assert found == expected
