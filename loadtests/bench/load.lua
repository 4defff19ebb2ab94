-- Sends the requests of a file, in turn, as they stand in it; prints what came of them as one line of JSON.
-- The file holds whole requests, each ended by its empty line (GET only, so there is no content after it).
-- A second file, if given, says which of them are sent one after the other: two octets each, the greater one last.

local requests, sent = {}, 0
local order

-- The URL names the host as clients do, so that TLS asks for it by its name; it is on this machine whatever DNS says.
function wrk.resolve(_, service)
   wrk.addrs = wrk.lookup("127.0.0.1", service)
end

function init(args)
   local file = assert(io.open(args[1], "rb"))
   for head in file:read("*a"):gmatch("(.-\r\n\r\n)") do
      requests[#requests + 1] = head
   end
   file:close()
   order = requests
   if args[2] then
      order = {}
      file = assert(io.open(args[2], "rb"))
      for least, most in file:read("*a"):gmatch("(.)(.)") do
         order[#order + 1] = requests[least:byte() + 256 * most:byte() + 1]
      end
      file:close()
   end
end

function request()
   sent = sent % #order + 1
   return order[sent]
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      'result {"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,' ..
      '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
      summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
      errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
