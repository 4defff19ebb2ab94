"""Words that programs and sites have, for what a model may hold: nobody's names are among them."""

from __future__ import annotations

from typing import Final

# In user agents: browsers and where they run, crawlers, tools and libraries, installers and mirrors, systems. Words of
# fewer than four letters need not be here.
OF_AGENTS: Final = """
    mozilla compatible windows macintosh intel linux ubuntu fedora debian android iphone ipad ipod like gecko
    applewebkit khtml chrome chromium safari firefox version mobile tablet opera edge edga edgios headlesschrome
    seamonkey konqueror epiphany vivaldi brave yabrowser samsungbrowser webview crios fxios trident msie presto cros
    win64 wow64 amd64 aarch64 nintendo playstation smarttv dalvik build openbsd freebsd netbsd sunos solaris
    googlebot bingbot yandexbot baiduspider duckduckbot applebot slurp facebookexternalhit twitterbot slackbot
    discordbot semrushbot ahrefsbot petalbot archive http https html robot crawler spider
    curl wget aria2 httpie postman postmanruntime insomnia lynx elinks w3m libcurl openssl libressl boringssl zlib
    python urllib urllib2 urllib3 requests httpx xmlrpc xmlrpclib aiohttp tornado twisted scrapy mechanize pycurl ruby
    rubygems bundler perl libwww java apache httpclient okhttp jakarta commons node axios undici fetch nodejs client
    http1 http2 guzzle guzzlehttp dart rust reqwest hyper powershell windowspowershell
    pipenv poetry hatch flit conda mamba micromamba pixi setuptools distribute easy install easy_install buildout
    twine bandersnatch devpi server pypiserver proxpi pypimirror pep381client pypi2nix artifactory jfrog nexus
    sonatype repository manager bazel pants buck renovate dependabot pyup warehouse tools pipx cpython pypy jython
    ironpython stackless graalpy cython implementation final alpha beta candidate release devel post keyring tqdm
    requests_toolbelt toolbelt importlib metadata pkginfo rich bootstrap download wheel lock sync compile tool
    subcommand uninstall list check search publish upload
    darwin macos cygwin msys mingw generic azure linuxkit microsoft standard virt lowlatency oracle cloud amzn amzn2
    raspi raspbian gnulinux desktop alpine centos stream enterprise hat rocky almalinux alma scientific amazon arch
    manjaro opensuse suse leap tumbleweed gentoo void nixos slackware mint kali deepin elementary container optimized
    bottlerocket photon mariner glibc musl libc bookworm bullseye buster stretch jessie wheezy trixie forky jammy
    focal bionic xenial trusty noble mantic lunar kinetic impish hirsute groovy eoan disco cosmic artful zesty yakkety
    oracular plucky purple lion sierra catalina monterey ventura sonoma ootpa plow core maipo santiago twenty unknown
    none null true false june july sept powerpc ppc64le s390x riscv64 armv6l armv7l armv8l arm64 i386 i486 i586 i686
    x86_64 x64 universal
"""

# In queries, as names of parameters and as values; and methods of XML-RPC.
OF_QUERIES: Final = """
    action q query search name project package version release page per_page limit offset start end sort order by asc
    desc created updated zscore format json html xml rss text raw lang locale c o p s v id type kind filter
    classifiers classifier list display display_pkginfo browse list_classifiers doc_upload file_upload index rules
    roles user users password_reset login_form register_form pkg_edit role_form files json_data since until serial
    last true false yes no on off and or none all any latest stable pre prerelease python requires tag tags view tab
    show size count ext digest sha256 md5 redirect no_redirect cache v1 v2 w h utm_source utm_medium utm_campaign ref
    system multicall listmethods methodhelp methodsignature list_packages list_packages_with_serial user_packages
    package_releases package_roles release_urls package_urls release_data package_data package_hosting_mode
    release_downloads top_packages updated_releases changed_packages changelog changelog_last_serial
    changelog_since_serial post_cheesecake_for_release ratings
"""

# Languages: ISO 639-1, and those of three letters that browsers have beside it.
LANGUAGES: Final = """
    aa ab af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo
    es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu iw ja ji
    jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo mr ms mt my na nb
    nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq
    sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu ast ceb
    chr ckb fil fur gsw haw hsb kab kok mai sah szl yue
"""
