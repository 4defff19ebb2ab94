# Varnish as a cache, in memory: what its own rules keep is kept, connections to clients and to the origin as well.
vcl 4.1;

backend origin {
    .host = "127.0.0.1";
    .port = "@{origin}";
}

sub vcl_recv {
    # Varnish has put the client's address into X-Forwarded-For.
    set req.http.X-Forwarded-Host = req.http.Host;
    set req.http.X-Forwarded-Proto = "http";
    set req.http.Via = "1.1 varnish";
    set req.http.Host = "pypi.test";
}

sub vcl_backend_response {
    set beresp.ttl = 1h;
}
