-- wrk with several requests under way on each connection: `wrk -s pipelined.lua URL -- DEPTH`.
init = function(args)
   local one = wrk.format()
   burst = string.rep(one, tonumber(args[1]))
end

request = function()
   return burst
end
