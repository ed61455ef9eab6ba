"""Which modules the corpus of docstrings is read from, and under which licence they are. A fixed list; knows nothing else."""

# ruff: noqa: E501  (a table of names or phrases is read and compared by the line)

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class House:
    """One package: its distribution (none for Python's own library), its licence's SPDX name, its public modules."""

    distribution: str
    licence: str
    modules: tuple[str, ...]


_NUMPY = """
    linalg fft random polynomial ma char strings lib.stride_tricks lib.format lib.scimath dtypes exceptions
"""
_SCIPY = """
    cluster.hierarchy cluster.vq constants datasets differentiate fft integrate interpolate io io.wavfile linalg
    linalg.blas linalg.interpolative ndimage optimize signal signal.windows sparse sparse.csgraph sparse.linalg spatial
    spatial.distance spatial.transform special stats stats.contingency stats.mstats stats.qmc stats.sampling
"""
_SKLEARN = """
    base calibration cluster compose covariance cross_decomposition datasets decomposition discriminant_analysis dummy
    ensemble exceptions feature_extraction feature_extraction.image feature_extraction.text feature_selection
    gaussian_process gaussian_process.kernels impute inspection isotonic kernel_approximation kernel_ridge linear_model
    manifold metrics metrics.cluster metrics.pairwise mixture model_selection multiclass multioutput naive_bayes neighbors
    neural_network pipeline preprocessing random_projection semi_supervised svm tree utils utils.extmath utils.validation
"""
_PYTHON = """
    abc argparse array ast asyncio base64 bdb binascii bisect builtins calendar cmath cmd code codecs codeop collections
    collections.abc colorsys compileall concurrent.futures configparser contextlib contextvars copy copyreg csv
    dataclasses datetime decimal difflib dis doctest email email.message email.utils enum errno faulthandler filecmp
    fileinput fnmatch fractions ftplib functools gc getopt getpass gettext glob graphlib gzip hashlib heapq hmac html
    html.parser http http.client http.cookies http.server imaplib importlib importlib.metadata importlib.resources inspect
    io ipaddress itertools json keyword linecache locale logging logging.handlers mailbox marshal math mimetypes
    multiprocessing netrc numbers opcode operator os os.path pathlib pdb pickle pickletools pkgutil platform plistlib
    poplib posixpath pprint profile pstats pyclbr pydoc queue quopri random re reprlib runpy sched secrets selectors
    shelve shlex shutil signal smtplib socket socketserver stat statistics string stringprep struct subprocess symtable
    sys sysconfig tabnanny tarfile tempfile textwrap threading time timeit token tokenize trace traceback tracemalloc
    types typing unicodedata unittest unittest.mock urllib.error urllib.parse urllib.request urllib.robotparser uuid
    warnings wave weakref webbrowser xml.dom xml.dom.minidom xml.etree.ElementTree xml.sax xmlrpc.client zipapp zipfile
    zipimport zlib zoneinfo
"""


def _below(package: str, names: str) -> tuple[str, ...]:
    return (package, *(f"{package}.{name}" for name in names.split()))


HOUSES = {
    "numpy": House("numpy", "BSD-3-Clause", _below("numpy", _NUMPY)),
    "scipy": House("scipy", "BSD-3-Clause", _below("scipy", _SCIPY)),
    "sklearn": House("scikit-learn", "BSD-3-Clause", _below("sklearn", _SKLEARN)),
    "python": House("", "PSF-2.0", tuple(_PYTHON.split())),
}
"""The packages by the name that a spec uses, in the order of the corpus."""
