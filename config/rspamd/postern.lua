-- Asks Postern's policy service what a message's recipients chose: limits of scores, greylisting, rules about its sender.
-- As /etc/rspamd/plugins.d/postern.lua; it asks once `postern { }` is in rspamd.conf.local (docs/mta-rspamd.md). What comes
-- back is four words that are numbers, so that nothing which anybody typed is ever read as configuration or a pattern.
-- Without an answer within a second the message is judged by the site's own limits.
local logger = require "rspamd_logger"
local tcp = require "rspamd_tcp"

local N = 'postern'
local ALLOW, DENY = 'POSTERN_ALLOW', 'POSTERN_DENY'
local NEVER = 9999 -- a score that nothing reaches
local FIRST = 5000 -- more points than any other symbol has: it stands first in the log, where the follower believes it
local MOST = 50 -- recipients that are asked about
local options = rspamd_config:get_all_opt(N)
if not options then
  return
end
local host, port = options.host or '127.0.0.1', tonumber(options.port) or 10040

-- An address as one word of a request. Of one that is none, rules about its domain still hold.
local function is_word(text)
  return #text < 400 and text:find('^[%w%p\128-\255]+$') and not text:find('[,<>]')
end

local function word(address)
  local text, domain = address and address.addr or '', address and address.domain or ''
  return is_word(text) and text or is_word(domain) and '@' .. domain or ''
end

local function request(task)
  local recipients = {}
  for _, each in ipairs(task:get_recipients('smtp') or {}) do
    local text = each.addr or ''
    if not is_word(text) or #recipients == MOST then
      return nil -- it is for more people than can be told: the site's own limits are for all of them
    end
    recipients[#recipients + 1] = text
  end
  if #recipients == 0 then
    return nil
  end
  local ip, sender, author = task:get_from_ip(), task:get_from('smtp'), task:get_from('mime')
  return table.concat({
    'request=smtpd_access_policy', 'protocol_state=RCPT', 'policy_context=content',
    'client_address=' .. (ip and ip:is_valid() and ip:to_string() or ''),
    'sender=' .. word(sender and sender[1]), 'author=' .. word(author and author[1]),
    'recipient=' .. table.concat(recipients, ','), '', '',
  }, '\n')
end

local function heed(task, answer)
  local junk, reject = answer:match('junk=([%d.]+)'), answer:match('reject=([%d.]+)')
  if not junk or not reject then
    return -- DUNNO: SQL is away
  end
  local action, rule = answer:match('rule=(%l+):(%d+)')
  local wanted = { actions = { reject = tonumber(reject), ['add header'] = tonumber(junk) } }
  if action == 'allow' then
    wanted.actions = { reject = NEVER, ['add header'] = NEVER, ['rewrite subject'] = NEVER, greylist = NEVER }
    task:insert_result(ALLOW, 1.0, rule)
  end
  if answer:find('greylist=0', 1, true) then
    wanted.actions.greylist = NEVER
    task:disable_symbol('GREYLIST_CHECK')
    task:disable_symbol('GREYLIST_SAVE')
  end
  task:set_settings(wanted)
  if action == 'deny' then
    task:insert_result(DENY, 1.0, rule)
    task:set_pre_result('reject', 'This address does not accept mail from you [rule ' .. rule .. ']', N)
  end
end

local function ask(task)
  local ip = task:get_from_ip()
  if task:get_user() or (ip and ip:is_local()) then
    return -- what people send
  end
  local text = request(task)
  if not text then
    return
  end
  tcp.request({
    task = task,
    host = host,
    port = port,
    timeout = 1.0,
    data = text,
    stop_pattern = '\n', -- of two letters 3.4 finds none in every other answer, and waits for its time to run out
    callback = function(err, data)
      if err then
        logger.warnx(task, 'postern does not answer: %s', err)
      else
        heed(task, tostring(data))
      end
    end,
  })
end

local id = rspamd_config:register_symbol({
  name = 'POSTERN',
  type = 'prefilter',
  priority = 9,
  flags = 'empty',
  callback = ask,
})
for name, score in pairs({ [ALLOW] = 0.0, [DENY] = FIRST }) do
  rspamd_config:register_symbol({ name = name, type = 'virtual', parent = id, score = score, group = N })
end
