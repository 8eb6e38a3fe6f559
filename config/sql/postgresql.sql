-- What mail servers may see of Postern's database, and the SQL users that they have, on PostgreSQL 13 and newer. Run it
-- in the database, as its owner, after each `database upgrade`; a second run changes nothing:
--
--   psql -v ON_ERROR_STOP=1 -f config/sql/postgresql.sql mail
--   psql -c "ALTER ROLE exim LOGIN PASSWORD '…'"
--
-- None may sign in until it is given a password. A view is read with its owner's rights: its readers need none on the
-- tables. A column that is not named here is seen by no mail server. The views mean what those of mariadb.sql mean.
BEGIN;

-- What an address means, one row for each meaning. Ask with WHERE domain = and local IN (as written, without +detail,
-- '*'); of these the first decides, even where `live` is 0:
--
--   ORDER BY local = '*', by_name, local <> (as written), wide LIMIT 1
CREATE OR REPLACE VIEW mta_recipient AS
SELECT d.name AS domain, a.local AS local, 0 AS by_name, (a.domain_id = 0)::int AS wide,
       (d.enabled AND a.enabled AND s.enabled
         AND CASE WHEN a.account_id IS NULL THEN COALESCE(a.forward_to, '') <> ''
                  ELSE COALESCE(c.enabled, false) END)::int AS live,
       COALESCE(c.account_id::text, '') AS account_id, d.site_id::text AS site,
       COALESCE(c.kind, 'forward')::text AS kind, COALESCE(m.name, '')::text AS server,
       COALESCE(m.imap_host, '')::text AS host, COALESCE(c.login, '')::text AS login,
       COALESCE(c.username || '@' || s.primary_domain, '')::text AS address,
       CASE WHEN c.kind = 'mailbox' THEN ''
            ELSE translate(COALESCE(CASE WHEN a.account_id IS NULL THEN a.forward_to ELSE c.forward_to END, ''),
                           chr(10) || chr(13), ',') END AS forward_to
  FROM domain d JOIN site s ON s.site_id = d.site_id
  JOIN address a ON a.site_id = d.site_id AND a.domain_id IN (0, d.domain_id)
  LEFT JOIN account c ON c.account_id = a.account_id AND c.site_id = a.site_id
  LEFT JOIN mail_server m ON m.server_id = c.server_id
UNION ALL
SELECT d.name, c.username, 1, 1, (d.enabled AND s.enabled AND c.enabled)::int,
       c.account_id::text, d.site_id::text, c.kind::text, COALESCE(m.name, '')::text, COALESCE(m.imap_host, '')::text,
       COALESCE(c.login, '')::text, (c.username || '@' || s.primary_domain)::text,
       CASE WHEN c.kind = 'mailbox' THEN '' ELSE translate(COALESCE(c.forward_to, ''), chr(10) || chr(13), ',') END
  FROM domain d JOIN site s ON s.site_id = d.site_id
  JOIN account c ON c.site_id = d.site_id
  LEFT JOIN mail_server m ON m.server_id = c.server_id;

-- The domains that mail is taken for.
CREATE OR REPLACE VIEW mta_domain AS
SELECT d.name AS domain, d.site_id::text AS site
  FROM domain d JOIN site s ON s.site_id = d.site_id WHERE d.enabled AND s.enabled;

-- The rules that hold now. What decides: ORDER BY locked DESC, scope_rank DESC, kind, action, rule_id.
CREATE OR REPLACE VIEW mta_rule AS
SELECT rule_id, scope_rank, scope_id, action, kind, value, locked
  FROM policy_rule WHERE expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC';

-- Of these what everybody's say of networks: ORDER BY locked DESC, action. A barrier: a reader's own function in WHERE
-- would otherwise be shown the rules of people, too.
CREATE OR REPLACE VIEW mta_network WITH (security_barrier) AS
SELECT value AS network, action, locked
  FROM mta_rule WHERE scope_rank = 0 AND scope_id = '' AND kind = 3 AND action <> 'nogrey';

-- The settings of filters and switches. What holds: the widest locked one, else the narrowest.
CREATE OR REPLACE VIEW mta_setting AS
SELECT scope_rank, scope_id, name, value, locked FROM policy_setting;

-- SpamAssassin's preferences. Of two lines about the same thing the later one counts, so what wins has the highest
-- `turn`; what a rule says takes back the opposite first (`step`). A value that would be a pattern there is no rule.
CREATE OR REPLACE VIEW sa_setting AS
SELECT scope_rank, scope_id, CASE WHEN locked THEN 9 - scope_rank ELSE scope_rank END AS turn,
       CASE name WHEN 'junk_score' THEN 'required_score' ELSE 'ok_languages' END AS preference,
       CASE WHEN value = '' THEN 'all' ELSE value END::text AS value
  FROM policy_setting
 WHERE name = 'junk_score' AND value ~ '^[0-9]{1,3}([.][0-9]{1,2})?$'
    OR name = 'languages' AND value ~ '^[a-z ]*$';
CREATE OR REPLACE VIEW sa_rule AS
SELECT r.scope_rank, r.scope_id, r.rule_id, n.step,
       r.locked::int * 100 + r.scope_rank * 10 + (3 - r.kind) * 2 + (r.action = 'allow')::int AS turn,
       CASE WHEN r.action = 'allow' THEN CASE n.step WHEN 0 THEN 'unblocklist_from' ELSE 'welcomelist_from' END
            ELSE CASE n.step WHEN 0 THEN 'unwelcomelist_from' ELSE 'blocklist_from' END END AS preference,
       CASE r.kind WHEN 2 THEN '*@' || r.value ELSE r.value END AS value
  FROM mta_rule r CROSS JOIN (VALUES (0), (1)) n (step)
 WHERE r.kind IN (1, 2) AND r.action IN ('allow', 'deny') AND r.value ~ '^[a-z0-9@._+=&/~!''$%-]+$';

-- What is answered now for who is away, where their mail server has no scripts. `subject` and `answer` are in base64, the
-- latter as a mail carries it, so that no reader takes them for anything; `addresses` the account's own, `contacts` the
-- only senders that are answered (NULL: all), with blanks between, before and behind.
CREATE OR REPLACE VIEW mta_away WITH (security_barrier) AS
SELECT w.account_id, w.days, translate(encode(convert_to(w.subject, 'UTF8'), 'base64'), chr(10), '') AS subject,
       encode(convert_to(replace(w.answer, chr(10), chr(13) || chr(10)), 'UTF8'), 'base64') AS answer,
       concat_ws(' ',
         (SELECT string_agg(c.username || '@' || d.name, ' ' ORDER BY d.name <> s.primary_domain) FROM domain d
           WHERE d.site_id = c.site_id AND d.enabled AND NOT EXISTS
             (SELECT FROM address o WHERE o.site_id = c.site_id AND o.local = c.username
                AND o.domain_id IN (0, d.domain_id) AND COALESCE(o.account_id, 0) <> c.account_id)),
         (SELECT string_agg(a.local || '@' || d.name, ' ') FROM address a
            JOIN domain d ON d.site_id = a.site_id AND a.domain_id IN (0, d.domain_id)
           WHERE a.account_id = c.account_id AND a.site_id = c.site_id AND a.local <> '*' AND a.enabled AND d.enabled)
       ) AS addresses,
       translate(w.contacts, chr(10), ' ') AS contacts
  FROM away w
  JOIN account c ON c.account_id = CASE WHEN w.account_id ~ '^[0-9]{1,9}$' THEN w.account_id::int END
   AND c.enabled AND c.kind <> 'forward'
  JOIN site s ON s.site_id = c.site_id AND s.enabled
  JOIN mail_server m ON m.server_id = c.server_id AND m.vacation = 'sql' AND m.sieve_host IS NULL
 WHERE w.enabled AND (w.starts_at IS NULL OR w.starts_at <= now() AT TIME ZONE 'UTC')
   AND (w.ends_at IS NULL OR w.ends_at > now() AT TIME ZONE 'UTC');

-- Servers that are shut out now, and those that an administrator let in again.
CREATE OR REPLACE VIEW mta_host_block AS
SELECT ip, reason, expires_at FROM host_block WHERE expires_at > now() AT TIME ZONE 'UTC';
-- A barrier: a reader's own function in WHERE would otherwise be shown the other actions, too.
CREATE OR REPLACE VIEW mta_host_pardon WITH (security_barrier) AS
SELECT target AS ip, at FROM action_log WHERE account_id = '' AND site = '' AND verb = 'host-remove';

-- Who signs in with which password, and where their mail lies: with the next one the only view with hashes.
CREATE OR REPLACE VIEW mta_login AS
SELECT r.domain, r.local, r.by_name, r.wide, r.live, r.account_id, r.site, r.kind, r.login, r.address, r.server, r.host,
       m.imap_port AS port, m.imap_security AS security, m.state, c.password_hash
  FROM mta_recipient r JOIN account c ON c.account_id = NULLIF(r.account_id, '')::int
  LEFT JOIN mail_server m ON m.server_id = c.server_id
 WHERE r.local <> '*';

-- Each mailbox by its login on its server, which becomes a folder's name: what could lead elsewhere is no mailbox.
CREATE OR REPLACE VIEW mta_box AS
SELECT m.name AS server, c.login, (c.enabled AND s.enabled)::int AS live, c.account_id::text AS account_id, c.site_id::text AS site,
       CONCAT(c.username, '@', s.primary_domain) AS address, c.password_hash
  FROM account c JOIN site s ON s.site_id = c.site_id JOIN mail_server m ON m.server_id = c.server_id
 WHERE c.kind <> 'forward' AND c.login ~ '^[A-Za-z0-9_][A-Za-z0-9._+=-]*(@[A-Za-z0-9_][A-Za-z0-9._+=-]*)*$';

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['exim', 'postfix', 'dovecot', 'spamassassin', 'postern_policy'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    END IF;
  END LOOP;
END
$$;

-- PostgreSQL 13 and 14 let every SQL user create tables and functions in the schema public, 15 does not. Whoever owns
-- the tables goes on creating. Who is not the schema's owner may not change that, and is told so by a warning: then the
-- administrator of PostgreSQL runs these two (docs/mta-exim.md).
DO $$
BEGIN
  EXECUTE format('GRANT CREATE ON SCHEMA public TO %I',
                 (SELECT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename = 'account'));
  REVOKE CREATE ON SCHEMA public FROM PUBLIC;
END
$$;

GRANT SELECT ON mta_domain TO exim, postfix, spamassassin;
GRANT SELECT ON mta_recipient TO exim, postfix;
GRANT SELECT (domain, local, by_name, wide, account_id) ON mta_recipient TO spamassassin;
GRANT SELECT ON mta_rule TO exim;
GRANT SELECT ON mta_network TO postfix;
GRANT SELECT ON mta_setting TO exim, postfix, dovecot;
GRANT SELECT ON sa_setting, sa_rule TO spamassassin;
GRANT SELECT ON mta_host_block TO exim, postfix;
GRANT SELECT ON mta_host_pardon, mta_away TO exim;
GRANT SELECT ON mta_login, mta_box TO dovecot;
GRANT SELECT (prefid, scope_rank, scope_id, preference, value) ON spam_pref TO spamassassin;
GRANT SELECT (ip, expires_at, hits), INSERT ON host_block TO exim;
GRANT UPDATE (reason, added_at, expires_at, hits) ON host_block TO exim;
GRANT SELECT (net, mark, first_seen, last_seen, tries, passed_at), INSERT ON grey_triplet TO exim;
GRANT UPDATE (first_seen, last_seen, tries, passed_at) ON grey_triplet TO exim;
GRANT SELECT, INSERT ON away_answer TO exim;
GRANT UPDATE (answered_at) ON away_answer TO exim;

-- The policy service (docs/mta-postfix.md): POSTERN_DATABASE_URL with this user.
GRANT SELECT ON site, domain, address, mail_server, policy_rule, policy_setting TO postern_policy;
GRANT SELECT (account_id, site_id, username, kind, server_id, login, forward_to, enabled) ON account TO postern_policy;
GRANT UPDATE (hits) ON policy_rule TO postern_policy;
GRANT SELECT (account_id, at, verb, target) ON action_log TO postern_policy;
GRANT SELECT, INSERT, UPDATE, DELETE ON host_block, grey_triplet TO postern_policy;

COMMIT;
