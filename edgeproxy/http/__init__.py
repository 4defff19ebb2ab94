"""HTTP/1.1 as values and decisions (RFC 9110, RFC 9112). Pure: no sockets, no clock, no chance."""
