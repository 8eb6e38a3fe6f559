-- What mail servers may see of Postern's database, and the SQL users that they have, on MariaDB 10.6 and newer. Run it
-- in the database, as its owner, after each `database upgrade`; a second run changes nothing:
--
--   mariadb mail < config/sql/mariadb.sql
--   mariadb -e "ALTER USER exim@'%' IDENTIFIED BY '…' ACCOUNT UNLOCK"
--
-- Each user is locked until it is given a password. Where MariaDB still has its anonymous user of localhost, drop that
-- one: it comes before these for whoever connects from the same machine. A view is read with its owner's rights: its
-- readers need none on the tables. A column that is not named here is seen by no mail server.

-- What an address means, one row for each meaning. Ask with WHERE domain = and local IN (as written, without +detail,
-- '*'); of these the first decides, even where `live` is 0:
--
--   ORDER BY local = '*', by_name, local <> (as written), wide LIMIT 1
--
-- `account_id` and `site` are the ids as policy_rule and policy_setting have them ('' for an address that only
-- forwards); `kind` mailbox, forward or both; `forward_to` addresses with commas between.
CREATE OR REPLACE VIEW mta_recipient AS
SELECT d.name AS domain, a.local AS local, 0 AS by_name, a.domain_id = 0 AS wide,
       d.enabled AND a.enabled AND s.enabled
         AND IF(a.account_id IS NULL, COALESCE(a.forward_to, '') <> '', COALESCE(c.enabled, 0)) AS live,
       CONVERT(COALESCE(c.account_id, '') USING ascii) AS account_id, CONVERT(d.site_id USING ascii) AS site,
       COALESCE(c.kind, 'forward') AS kind, COALESCE(m.name, '') AS server, COALESCE(m.imap_host, '') AS host,
       COALESCE(c.login, '') AS login, COALESCE(CONCAT(c.username, '@', s.primary_domain), '') AS address,
       IF(c.kind = 'mailbox', '', REPLACE(REPLACE(COALESCE(IF(a.account_id IS NULL, a.forward_to, c.forward_to), ''),
         CHAR(13), ''), CHAR(10), ',')) AS forward_to
  FROM domain d JOIN site s ON s.site_id = d.site_id
  JOIN address a ON a.site_id = d.site_id AND a.domain_id IN (0, d.domain_id)
  LEFT JOIN account c ON c.account_id = a.account_id AND c.site_id = a.site_id
  LEFT JOIN mail_server m ON m.server_id = c.server_id
UNION ALL
SELECT d.name, c.username, 1, 1, d.enabled AND s.enabled AND c.enabled,
       CONVERT(c.account_id USING ascii), CONVERT(d.site_id USING ascii), c.kind, COALESCE(m.name, ''),
       COALESCE(m.imap_host, ''), COALESCE(c.login, ''), CONCAT(c.username, '@', s.primary_domain),
       IF(c.kind = 'mailbox', '', REPLACE(REPLACE(COALESCE(c.forward_to, ''), CHAR(13), ''), CHAR(10), ','))
  FROM domain d JOIN site s ON s.site_id = d.site_id
  JOIN account c ON c.site_id = d.site_id
  LEFT JOIN mail_server m ON m.server_id = c.server_id;

-- The domains that mail is taken for.
CREATE OR REPLACE VIEW mta_domain AS
SELECT d.name AS domain, CONVERT(d.site_id USING ascii) AS site
  FROM domain d JOIN site s ON s.site_id = d.site_id WHERE d.enabled AND s.enabled;

-- The rules that hold now. What decides: ORDER BY locked DESC, scope_rank DESC, kind, action, rule_id.
CREATE OR REPLACE VIEW mta_rule AS
SELECT rule_id, scope_rank, scope_id, action, kind, value, locked
  FROM policy_rule WHERE expires_at IS NULL OR expires_at > UTC_TIMESTAMP();

-- Of these what everybody's say of networks: ORDER BY locked DESC, action.
CREATE OR REPLACE VIEW mta_network AS
SELECT value AS network, action, locked
  FROM mta_rule WHERE scope_rank = 0 AND scope_id = '' AND kind = 3 AND action <> 'nogrey';

-- The settings of filters and switches. What holds: ORDER BY locked DESC, IF(locked, scope_rank, -scope_rank).
CREATE OR REPLACE VIEW mta_setting AS
SELECT scope_rank, scope_id, name, value, locked FROM policy_setting;

-- SpamAssassin's preferences. Of two lines about the same thing the later one counts, so what wins has the highest
-- `turn`; what a rule says takes back the opposite first (`step`). A value that would be a pattern there is no rule.
CREATE OR REPLACE VIEW sa_setting AS
SELECT scope_rank, scope_id, CASE WHEN locked THEN 9 - scope_rank ELSE scope_rank END AS turn,
       CASE name WHEN 'junk_score' THEN 'required_score' ELSE 'ok_languages' END AS preference,
       CASE WHEN value = '' THEN 'all' ELSE value END AS value
  FROM policy_setting
 WHERE name = 'junk_score' AND value REGEXP '^[0-9]{1,3}([.][0-9]{1,2})?$'
    OR name = 'languages' AND value REGEXP '^[a-z ]*$';
CREATE OR REPLACE VIEW sa_rule AS
SELECT r.scope_rank, r.scope_id, r.rule_id, n.step,
       r.locked * 100 + r.scope_rank * 10 + (3 - r.kind) * 2 + (r.action = 'allow') AS turn,
       CASE WHEN r.action = 'allow' THEN CASE n.step WHEN 0 THEN 'unblocklist_from' ELSE 'welcomelist_from' END
            ELSE CASE n.step WHEN 0 THEN 'unwelcomelist_from' ELSE 'blocklist_from' END END AS preference,
       CASE r.kind WHEN 2 THEN CONCAT('*@', r.value) ELSE r.value END AS value
  FROM mta_rule r JOIN (SELECT 0 AS step UNION ALL SELECT 1) n
 WHERE r.kind IN (1, 2) AND r.action IN ('allow', 'deny') AND r.value REGEXP '^[a-z0-9@._+=&/~!''$%-]+$';

-- What is answered now for who is away, where their mail server has no scripts. `subject` and `answer` are in base64, the
-- latter as a mail carries it, so that no reader takes them for anything; `addresses` the account's own, `contacts` the
-- only senders that are answered (NULL: all), with blanks between, before and behind.
CREATE OR REPLACE VIEW mta_away AS
SELECT w.account_id, w.days, REPLACE(TO_BASE64(w.subject), CHAR(10 USING utf8mb4), '') AS subject,
       TO_BASE64(REPLACE(w.answer, CHAR(10 USING utf8mb4), CHAR(13, 10 USING utf8mb4))) AS answer,
       CONCAT_WS(' ',
         (SELECT GROUP_CONCAT(c.username, '@', d.name ORDER BY d.name <> s.primary_domain SEPARATOR ' ') FROM domain d
           WHERE d.site_id = c.site_id AND d.enabled AND NOT EXISTS
             (SELECT 1 FROM address o WHERE o.site_id = c.site_id AND o.local = c.username
                AND o.domain_id IN (0, d.domain_id) AND COALESCE(o.account_id, 0) <> c.account_id)),
         (SELECT GROUP_CONCAT(a.local, '@', d.name SEPARATOR ' ') FROM address a
            JOIN domain d ON d.site_id = a.site_id AND a.domain_id IN (0, d.domain_id)
           WHERE a.account_id = c.account_id AND a.site_id = c.site_id AND a.local <> '*' AND a.enabled AND d.enabled)
       ) AS addresses,
       REPLACE(w.contacts, CHAR(10 USING utf8mb4), ' ') AS contacts
  FROM away w JOIN account c ON c.account_id = CAST(w.account_id AS UNSIGNED) AND c.enabled AND c.kind <> 'forward'
  JOIN site s ON s.site_id = c.site_id AND s.enabled
  JOIN mail_server m ON m.server_id = c.server_id AND m.vacation = 'sql' AND m.sieve_host IS NULL
 WHERE w.enabled AND w.account_id = CONCAT(c.account_id, '')
   AND (w.starts_at IS NULL OR w.starts_at <= UTC_TIMESTAMP()) AND (w.ends_at IS NULL OR w.ends_at > UTC_TIMESTAMP());

-- Servers that are shut out now, and those that an administrator let in again.
CREATE OR REPLACE VIEW mta_host_block AS
SELECT ip, reason, expires_at FROM host_block WHERE expires_at > UTC_TIMESTAMP();
CREATE OR REPLACE VIEW mta_host_pardon AS
SELECT target AS ip, at FROM action_log WHERE account_id = '' AND site = '' AND verb = 'host-remove';

-- Who signs in with which password, and where their mail lies: with the next one the only view with hashes.
CREATE OR REPLACE VIEW mta_login AS
SELECT r.domain, r.local, r.by_name, r.wide, r.live, r.account_id, r.site, r.kind, r.login, r.address, r.server, r.host,
       m.imap_port AS port, m.imap_security AS security, m.state, c.password_hash
  FROM mta_recipient r JOIN account c ON c.account_id = r.account_id AND r.account_id <> ''
  LEFT JOIN mail_server m ON m.server_id = c.server_id
 WHERE r.local <> '*';

-- Each mailbox by its login on its server, which becomes a folder's name: what could lead elsewhere is no mailbox.
CREATE OR REPLACE VIEW mta_box AS
SELECT m.name AS server, c.login, c.enabled AND s.enabled AS live, CONVERT(c.account_id USING ascii) AS account_id, CONVERT(c.site_id USING ascii) AS site,
       CONCAT(c.username, '@', s.primary_domain) AS address, c.password_hash
  FROM account c JOIN site s ON s.site_id = c.site_id JOIN mail_server m ON m.server_id = c.server_id
 WHERE c.kind <> 'forward' AND c.login REGEXP '^[A-Za-z0-9_][A-Za-z0-9._+=-]*(@[A-Za-z0-9_][A-Za-z0-9._+=-]*)*$';

CREATE USER IF NOT EXISTS exim@'%' ACCOUNT LOCK;
CREATE USER IF NOT EXISTS postfix@'%' ACCOUNT LOCK;
CREATE USER IF NOT EXISTS dovecot@'%' ACCOUNT LOCK;
CREATE USER IF NOT EXISTS spamassassin@'%' ACCOUNT LOCK;

GRANT SELECT ON mta_domain TO exim@'%', postfix@'%', spamassassin@'%';
GRANT SELECT ON mta_recipient TO exim@'%', postfix@'%';
GRANT SELECT (domain, local, by_name, wide, account_id) ON mta_recipient TO spamassassin@'%';
GRANT SELECT ON mta_rule TO exim@'%';
GRANT SELECT ON mta_network TO postfix@'%';
GRANT SELECT ON mta_setting TO exim@'%', postfix@'%', dovecot@'%';
GRANT SELECT ON sa_setting TO spamassassin@'%';
GRANT SELECT ON sa_rule TO spamassassin@'%';
GRANT SELECT ON mta_host_block TO exim@'%', postfix@'%';
GRANT SELECT ON mta_host_pardon TO exim@'%';
GRANT SELECT ON mta_away TO exim@'%';
GRANT SELECT ON mta_login TO dovecot@'%';
GRANT SELECT ON mta_box TO dovecot@'%';
GRANT SELECT (prefid, scope_rank, scope_id, preference, value) ON spam_pref TO spamassassin@'%';
GRANT SELECT (ip, expires_at, hits), INSERT ON host_block TO exim@'%';
GRANT UPDATE (reason, added_at, expires_at, hits) ON host_block TO exim@'%';
GRANT SELECT (net, mark, first_seen, last_seen, tries, passed_at), INSERT ON grey_triplet TO exim@'%';
GRANT UPDATE (first_seen, last_seen, tries, passed_at) ON grey_triplet TO exim@'%';
GRANT SELECT, INSERT ON away_answer TO exim@'%';
GRANT UPDATE (answered_at) ON away_answer TO exim@'%';

-- The policy service (docs/mta-postfix.md): POSTERN_DATABASE_URL with this user.
CREATE USER IF NOT EXISTS postern_policy@'%' ACCOUNT LOCK;
GRANT SELECT ON site TO postern_policy@'%';
GRANT SELECT ON domain TO postern_policy@'%';
GRANT SELECT ON address TO postern_policy@'%';
GRANT SELECT ON mail_server TO postern_policy@'%';
GRANT SELECT (account_id, site_id, username, kind, server_id, login, forward_to, enabled) ON account TO postern_policy@'%';
GRANT SELECT ON policy_rule TO postern_policy@'%';
GRANT UPDATE (hits) ON policy_rule TO postern_policy@'%';
GRANT SELECT ON policy_setting TO postern_policy@'%';
GRANT SELECT (account_id, at, verb, target) ON action_log TO postern_policy@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON host_block TO postern_policy@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON grey_triplet TO postern_policy@'%';
