-- Every script of the store. A line "---- name" starts one; store.py sends them by their hash.
-- All keys share the organisation's hash tag, so each script stays legal on a cluster.

---- record
-- One atomic step: events, snapshot, version, private values, seen, indexes, work, acknowledgement.
-- KEYS: 1 case  2 events  3 private  4 commands  5 log  6 seen  7 threads  8 later
--       9 states prefix (cases:)  10 work prefix (work:)  11 lanes prefix (lane:)  12 lane names
--       13 citizens prefix (citizen:)  14 remotes  15 aliases
-- ARGV: 1 a JSON plan (see Store.record), 2.. the event bytes, as many as plan.events
local plan = cjson.decode(ARGV[1])
if plan.command then
  local first = redis.call('HGET', KEYS[4], plan.command)
  if first then
    if plan.ack then
      redis.call('XACK', KEYS[10] .. plan.ack.step, 'luister', plan.ack.entry)
      redis.call('XDEL', KEYS[10] .. plan.ack.step, plan.ack.entry)
    end
    return {'repeat', tonumber(first)}
  end
end
for _, post in ipairs(plan.seen) do
  local known = redis.call('HGET', KEYS[6], post.id)
  if known and post.new then return {'seen', known} end
end
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if version ~= plan.version then return {'conflict', version} end
for _, remote in ipairs(plan.remotes) do
  local holder = redis.call('HGET', KEYS[14], remote.id)
  if holder and holder ~= remote.reply then return {'taken', version} end
end
local before = redis.call('HGET', KEYS[1], 'state')
if plan.forget then redis.call('DEL', KEYS[3], KEYS[4]) end
for i = 1, plan.events do
  version = version + 1
  redis.call('RPUSH', KEYS[2], ARGV[1 + i])
  redis.call('XADD', KEYS[5], '*', 'c', plan.case, 'v', version, 'h', plan.hashes[i])
end
if plan.events > 0 then
  redis.call('HSET', KEYS[1], 'version', version, 'state', plan.state, 'head', plan.head,
             'snapshot', plan.snapshot)
  if before and before ~= plan.state then redis.call('ZREM', KEYS[9] .. before, plan.case) end
  redis.call('ZADD', KEYS[9] .. plan.state, plan.moved, plan.case)
  if plan.taught == '' then
    redis.call('HDEL', KEYS[15], plan.case)
  elseif plan.taught then
    redis.call('HSET', KEYS[15], plan.case, plan.taught)
  end
end
for _, commitment in ipairs(plan.gone) do redis.call('HDEL', KEYS[3], commitment) end
for commitment, value in pairs(plan.private) do redis.call('HSET', KEYS[3], commitment, value) end
for _, post in ipairs(plan.seen) do
  redis.call('HSET', KEYS[6], post.id, plan.case .. ' ' .. post.text)
  for _, member in ipairs(post.members) do redis.call('HSETNX', KEYS[7], member, post.thread) end
end
for _, join in ipairs(plan.joins) do
  local thread = redis.call('HGET', KEYS[7], join.of)
  if thread then redis.call('HSETNX', KEYS[7], join.member, thread) end
end
for _, remote in ipairs(plan.remotes) do redis.call('HSET', KEYS[14], remote.id, remote.reply) end
for _, citizen in ipairs(plan.citizens) do redis.call('SADD', KEYS[13] .. citizen, plan.case) end
for _, work in ipairs(plan.work) do
  if work.at then
    redis.call('ZADD', KEYS[8], work.at, work.member)
  elseif work.lane then
    redis.call('ZADD', KEYS[11] .. work.lane, 'LT', work.rank, work.case)
    redis.call('SADD', KEYS[12], work.lane)
  else
    redis.call('XADD', KEYS[10] .. work.step, '*', 'case', work.case)
  end
end
if plan.command then redis.call('HSET', KEYS[4], plan.command, version) end
if plan.ack then
  redis.call('XACK', KEYS[10] .. plan.ack.step, 'luister', plan.ack.entry)
  redis.call('XDEL', KEYS[10] .. plan.ack.step, plan.ack.entry)
end
return {'ok', version}

---- due
-- Move what is due from the timers to its stream or lane. KEYS: 1 later  2 work prefix
-- 3 lanes prefix  4 lane names. ARGV: 1 now (ms)  2 how many at most. Returns how many moved.
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, member in ipairs(due) do
  local work = cjson.decode(member)
  if work.lane then
    redis.call('ZADD', KEYS[3] .. work.lane, 'LT', work.rank, work.case)
    redis.call('SADD', KEYS[4], work.lane)
  else
    redis.call('XADD', KEYS[2] .. work.step, '*', 'case', work.case)
  end
  redis.call('ZREM', KEYS[1], member)
end
return #due

---- bury
-- Move one entry to the dead letters. KEYS: 1 stream  2 dead  3 failures
-- ARGV: 1 entry  2 id  3 record  4 failure. Returns 0 when another worker buried it.
if redis.call('XACK', KEYS[1], 'luister', ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('HDEL', KEYS[3], ARGV[4])
redis.call('XDEL', KEYS[1], ARGV[1])
return 1

---- hold
-- Take or renew a lease on Redis's own clock. KEYS: 1 lease. ARGV: 1 holder  2 milliseconds
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1

---- keep
-- Renew a lease that is still ours. KEYS: 1 lease. ARGV: 1 holder  2 milliseconds
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])

---- release
-- Give a lease back if it is still ours. KEYS: 1 lease. ARGV: 1 holder
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0

---- shown
-- Store what the chat shows of a case, if the lane is still ours and nobody stored anything since it
-- was read (a case may wait in two lanes), and leave the lane when that is the newest version.
-- KEYS: 1 lease  2 shown  3 case  4 lane  5 messages. ARGV: 1 holder  2 member  3 shown (JSON)
-- 4 shown as it was read, or '' for any  5 version shown, or -1 to stay in the lane
-- 6.. new messages ("channel ts")
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[4] ~= '' and (redis.call('GET', KEYS[2]) or '{}') ~= ARGV[4] then return 0 end
redis.call('SET', KEYS[2], ARGV[3])
for i = 6, #ARGV do redis.call('SADD', KEYS[5], ARGV[i]) end
local version = redis.call('HGET', KEYS[3], 'version')
if version == ARGV[5] then redis.call('ZREM', KEYS[4], ARGV[2]) end
return 1

---- leave
-- Take a member off a lane if the lane is still ours and the case has not moved since it was read.
-- KEYS: 1 lease  2 lane  3 case. ARGV: 1 holder  2 member  3 version read, or -1 for any
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local version = redis.call('HGET', KEYS[3], 'version') or '0'
if ARGV[3] == '-1' or ARGV[3] == version then redis.call('ZREM', KEYS[2], ARGV[2]) end
return 1

---- notify
-- Keep a sentence and put it in its lane, both or neither, unless it is kept already.
-- KEYS: 1 notices  2 lane  3 lane names. ARGV: 1 id  2 sentence  3 member  4 rank  5 channel
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('ZADD', KEYS[2], 'LT', ARGV[4], ARGV[3])
redis.call('SADD', KEYS[3], ARGV[5])
return 1
