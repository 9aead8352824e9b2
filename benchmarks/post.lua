-- Posts the earthquakes that are named by QUAKES, a file of one JSON body.
local file = assert(io.open(os.getenv("QUAKES")))
local body = file:read("*a")
file:close()

wrk.method = "POST"
wrk.body = body
wrk.headers["Content-Type"] = "application/json"
