# Varnish in front of a program on 127.0.0.1:6767; /etc/varnish/default.vcl. The program's settings
# need trusted_proxies = ["127.0.0.1"]. It stores the answers that say for how long, as those of
# streams with `cache` do, and no others. Replace /music by your prefix, or remove its lines.
vcl 4.1;

import std;

backend brubeck {
    .host = "127.0.0.1";
    .port = "6767";
    .first_byte_timeout = 75s;     # a long poll waits 50 s
    .between_bytes_timeout = 75s;  # a feed has an event every 15 s
    # No probe: with a single program it would only turn a short wait into an error.
}

sub vcl_recv {
    # A client may have sent these: remove them, then set our own. (Varnish appends to
    # X-Forwarded-For before it comes here, so the client's part is in it.)
    unset req.http.Forwarded;
    unset req.http.X-Forwarded-Port;
    unset req.http.X-Forwarded-Prefix;
    # WSGI servers take a name with an underscore for the one with a dash.
    unset req.http.X-Forwarded_For;
    unset req.http.X_Forwarded-For;
    unset req.http.X_Forwarded_For;
    unset req.http.X-Forwarded_Host;
    unset req.http.X_Forwarded-Host;
    unset req.http.X_Forwarded_Host;
    unset req.http.X-Forwarded_Port;
    unset req.http.X_Forwarded-Port;
    unset req.http.X_Forwarded_Port;
    unset req.http.X-Forwarded_Prefix;
    unset req.http.X_Forwarded-Prefix;
    unset req.http.X_Forwarded_Prefix;
    unset req.http.X-Forwarded_Proto;
    unset req.http.X_Forwarded-Proto;
    unset req.http.X_Forwarded_Proto;
    unset req.http.X-Request_ID;
    unset req.http.X_Request-ID;
    unset req.http.X_Request_ID;
    set req.http.X-Forwarded-For = client.ip;
    set req.http.X-Forwarded-Host = req.http.Host;
    set req.http.X-Request-ID = req.xid;
    set req.http.X-Forwarded-Proto = "http";  # "https" where something before Varnish ends TLS

    # Of a header that comes twice Varnish compares the first, and the program reads both.
    std.collect(req.http.Accept);
    std.collect(req.http.Accept-Encoding);
    std.collect(req.http.Origin);

    # The same program below a prefix.
    if (req.url ~ "^/music/") {
        set req.http.X-Forwarded-Prefix = "/music";
        set req.url = regsub(req.url, "^/music", "");
    }

    # What is never stored does not wait for another request of the same URL: Varnish lets one at
    # a time through until it knows.
    if (req.http.Accept ~ "(?i)event-stream|html|csv|ndjson" || req.url ~ "[?&]after=now(&|$)") {
        return (pass);
    }
    # Then Varnish's own rules: whatever has a cookie or credentials is passed, too.
}

sub vcl_hash {
    hash_data(req.http.X-Forwarded-Prefix);  # its links are others
}

sub vcl_backend_response {
    # Only what says so is used while the next is fetched; Varnish would for ten seconds.
    if (beresp.http.Cache-Control !~ "stale-while-revalidate") {
        set beresp.grace = 0s;
    }
    # That an answer is not stored is remembered, so that its readers do not queue up; but for a
    # second, where Varnish would for two minutes: after an error that passes, long polls at one
    # position are to share one request again.
    # An answer that says nothing is not stored either: the program may have looked at an address
    # or at a header of its own, of which nobody here knows.
    if (beresp.http.Cache-Control ~ "(?i)no-cache|no-store|private"
        || beresp.http.Cache-Control !~ "(?i)(^|[ ,])(public|max-age|s-maxage)") {
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
        return (deliver);
    }
}

sub vcl_backend_error {
    # A program that restarts is back in a second; Varnish's own error says five.
    set beresp.http.Retry-After = "1";
    set beresp.http.Content-Type = "application/problem+json";
    set beresp.body = {"{"type":"about:blank","title":"Service Unavailable","status":503}"};
    return (deliver);
}
