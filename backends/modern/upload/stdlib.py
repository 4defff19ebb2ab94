"""Names that no new project may take: those of modules that some Python had or has, which it would shadow."""

from __future__ import annotations

from packaging.utils import canonicalize_name

# Python 3, up to 3.14, with what was removed on the way.
_THREE = """
__future__ __main__ _dummy_thread _thread abc aifc annotationlib antigravity argparse array ast asynchat asyncio
asyncore atexit audioop base64 bdb binascii binhex bisect builtins bz2 calendar cgi cgitb chunk cmath cmd code codecs
codeop collections colorsys compileall compression concurrent configparser contextlib contextvars copy copyreg
cProfile crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest dummy_threading email
encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch formatter fpectl fractions ftplib
functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib
imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma macpath
mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath
nturl2path numbers opcode operator optparse os ossaudiodev parser pathlib pdb pickle pickletools pipes pkgutil
platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat
queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil
signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat
statistics string stringprep struct subprocess sunau symbol symtable sys sysconfig syslog tabnanny tarfile telnetlib
tempfile termios test textwrap this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc
tty turtle turtledemo types typing unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg
winsound wsgiref xdrlib xml xmlrpc xxlimited zipapp zipfile zipimport zlib zoneinfo
"""

_DOTTED = """
asyncio.subprocess collections.abc compression.zstd concurrent.futures concurrent.interpreters curses.ascii
curses.panel curses.textpad ctypes.util dbm.dumb dbm.gnu dbm.ndbm dbm.sqlite3 distutils.command distutils.core
email.charset email.encoders email.errors email.generator email.header email.headerregistry email.iterators
email.message email.mime email.parser email.policy email.utils encodings.idna encodings.utf_8_sig html.entities
html.parser http.client http.cookiejar http.cookies http.server importlib.abc importlib.machinery importlib.metadata
importlib.resources importlib.util json.tool logging.config logging.handlers multiprocessing.connection
multiprocessing.dummy multiprocessing.managers multiprocessing.pool multiprocessing.shared_memory os.path
pathlib.types string.templatelib test.support tkinter.scrolledtext tkinter.tix tkinter.ttk unittest.mock urllib.error
urllib.parse urllib.request urllib.response urllib.robotparser wsgiref.handlers wsgiref.headers wsgiref.simple_server
wsgiref.types wsgiref.util wsgiref.validate xml.dom xml.dom.minidom xml.dom.pulldom xml.etree xml.etree.ElementTree
xml.parsers xml.parsers.expat xml.sax xml.sax.handler xml.sax.saxutils xml.sax.xmlreader xmlrpc.client xmlrpc.server
"""

# Python 2 only.
_TWO = """
__builtin__ _winreg AL ColorPicker Cookie ConfigParser DEVICE DocXMLRPCServer EasyDialogs FL FrameWork GL HTMLParser
MacOS MimeWriter MiniAEFrame Nav PixMapWrapper Queue ScrolledText SimpleHTTPServer SimpleXMLRPCServer SocketServer
StringIO SUNAUDIODEV Tix Tkinter UserDict UserList UserString W aepack aetools aetypes al anydbm applesingle autoGIL
BaseHTTPServer Bastion bsddb buildtools cPickle cStringIO cd cfmfile CGIHTTPServer Carbon commands compiler cookielib
copy_reg dbhash dircache dl dumbdbm dummy_thread exceptions findertools fl flp fm fpformat future_builtins gdbm
gensuitemodule gl hotshot htmlentitydefs htmllib httplib ic icopen ihooks imageop imgfile imputil itertools jpeg
macerrors macostools macresource md5 mhlib mimetools mimify multifile mutex new nsremote os2emxpath popen2
posixfile repr rexec rfc822 robotparser sets sgi sgmllib sha statvfs stringold strop sunaudiodev thread ttk urllib2
urlparse user videoreader whichdb xmlrpclib xmllib
"""

NAMES = frozenset(canonicalize_name(name.strip("_")) for name in f"{_THREE} {_DOTTED} {_TWO}".split())
