-- vexim's tables as views of ours, for an Exim whose configuration is made for vexim. On MariaDB and PostgreSQL, after
-- mariadb.sql or postgresql.sql. They are read by the user exim.
--
-- A site's primary domain has its accounts; its other domains are aliases of it, and have what is theirs alone. `smtp`
-- of an account leads to login@SERVER.internal, for a router like postern_box (config/exim/postern-routers.conf).
-- Passwords are Dovecot's matter (mta_login): there is none here. `on_vacation` is 1 while mail is answered out of SQL
-- (mta_away), and 0 where scripts answer; vexim's own transport sets no subject and no charset. Whoever forwards and
-- keeps has `unseen` 1; nothing is thrown away (`spam_drop` 0).
CREATE OR REPLACE VIEW domains AS
SELECT d.domain_id AS domain_id, d.name AS domain, 'local' AS type,
       CASE WHEN d.enabled AND s.enabled THEN 1 ELSE 0 END AS enabled,
       '' AS maildir, 65534 AS uid, 65534 AS gid, 0 AS max_accounts, 0 AS quotas, 1 AS avscan, 0 AS mailinglists,
       0 AS maxmsgsize, 0 AS pipe, 0 AS complexpass, 1 AS spamassassin, CAST(NULL AS CHAR(45)) AS out_ip,
       CASE WHEN COALESCE((SELECT p.value FROM policy_setting p WHERE p.name = 'rbl'
         AND (p.scope_rank = 0 OR p.scope_rank = 1 AND p.scope_id = CONCAT(d.site_id, ''))
         ORDER BY p.locked DESC, CASE WHEN p.locked THEN p.scope_rank ELSE -p.scope_rank END LIMIT 1), '1') = '0'
            THEN 0 ELSE 1 END AS blocklists,
       FLOOR(CAST(COALESCE((SELECT p.value FROM policy_setting p WHERE p.name = 'junk_score'
         AND (p.scope_rank = 0 OR p.scope_rank = 1 AND p.scope_id = CONCAT(d.site_id, ''))
         ORDER BY p.locked DESC, CASE WHEN p.locked THEN p.scope_rank ELSE -p.scope_rank END LIMIT 1), '5')
            AS DECIMAL(6,2))) AS sa_tag,
       CEILING(CAST(COALESCE((SELECT p.value FROM policy_setting p WHERE p.name = 'reject_score'
         AND (p.scope_rank = 0 OR p.scope_rank = 1 AND p.scope_id = CONCAT(d.site_id, ''))
         ORDER BY p.locked DESC, CASE WHEN p.locked THEN p.scope_rank ELSE -p.scope_rank END LIMIT 1), '15')
            AS DECIMAL(6,2))) AS sa_refuse
  FROM domain d JOIN site s ON s.site_id = d.site_id;

CREATE OR REPLACE VIEW domainalias AS
SELECT p.domain_id AS domain_id, d.name AS alias
  FROM domain d JOIN site s ON s.site_id = d.site_id JOIN domain p ON p.name = s.primary_domain
 WHERE d.domain_id <> p.domain_id AND d.enabled AND s.enabled;

CREATE OR REPLACE VIEW users AS
SELECT c.account_id AS user_id, d.domain_id AS domain_id, c.username AS localpart,
       CONCAT(c.username, '@', d.name) AS username,
       CASE WHEN c.kind = 'forward' THEN 'alias' ELSE 'local' END AS type,
       CASE WHEN c.kind = 'forward' THEN COALESCE(c.forward_to, '')
            ELSE CONCAT(c.login, '@', m.name, '.internal') END AS smtp,
       CASE WHEN c.enabled THEN 1 ELSE 0 END AS enabled, CASE WHEN c.role = 'user' THEN 0 ELSE 1 END AS admin,
       CASE WHEN c.kind = 'both' AND COALESCE(c.forward_to, '') <> '' THEN 1 ELSE 0 END AS on_forward,
       COALESCE(c.forward_to, '') AS forward, CASE WHEN c.kind = 'both' THEN 1 ELSE 0 END AS unseen,
       CASE WHEN COALESCE((SELECT p.value FROM policy_setting p WHERE p.name = 'rbl'
         AND (p.scope_rank = 0 OR p.scope_rank = 1 AND p.scope_id = CONCAT(c.site_id, '')
              OR p.scope_rank = 2 AND p.scope_id = CONCAT(c.account_id, ''))
         ORDER BY p.locked DESC, CASE WHEN p.locked THEN p.scope_rank ELSE -p.scope_rank END LIMIT 1), '1') = '0'
            THEN 0 ELSE 1 END AS on_blocklist,
       FLOOR(CAST(COALESCE((SELECT p.value FROM policy_setting p WHERE p.name = 'junk_score'
         AND (p.scope_rank = 0 OR p.scope_rank = 1 AND p.scope_id = CONCAT(c.site_id, '')
              OR p.scope_rank = 2 AND p.scope_id = CONCAT(c.account_id, ''))
         ORDER BY p.locked DESC, CASE WHEN p.locked THEN p.scope_rank ELSE -p.scope_rank END LIMIT 1), '5')
            AS DECIMAL(6,2))) AS sa_tag,
       CEILING(CAST(COALESCE((SELECT p.value FROM policy_setting p WHERE p.name = 'reject_score'
         AND (p.scope_rank = 0 OR p.scope_rank = 1 AND p.scope_id = CONCAT(c.site_id, '')
              OR p.scope_rank = 2 AND p.scope_id = CONCAT(c.account_id, ''))
         ORDER BY p.locked DESC, CASE WHEN p.locked THEN p.scope_rank ELSE -p.scope_rank END LIMIT 1), '15')
            AS DECIMAL(6,2))) AS sa_refuse,
       1 AS on_avscan, 1 AS on_spamassassin, 0 AS on_piped,
       CASE WHEN v.account_id IS NULL THEN 0 ELSE 1 END AS on_vacation,
       CASE WHEN v.account_id IS NULL THEN '' ELSE w.answer END AS vacation, 0 AS spam_drop,
       0 AS maxmsgsize, 0 AS quota, 65534 AS uid, 65534 AS gid, '' AS tagline, COALESCE(c.display_name, '') AS realname
  FROM account c JOIN site s ON s.site_id = c.site_id JOIN domain d ON d.name = s.primary_domain
  LEFT JOIN mail_server m ON m.server_id = c.server_id
  LEFT JOIN mta_away v ON v.account_id = CONCAT(c.account_id, '')
  LEFT JOIN away w ON w.account_id = v.account_id
UNION ALL
SELECT 1000000000 + a.address_id, d.domain_id, a.local, CONCAT(a.local, '@', d.name),
       CASE WHEN a.local = '*' THEN 'catch' ELSE 'alias' END,
       CASE WHEN c.account_id IS NULL THEN COALESCE(a.forward_to, '')
            ELSE CONCAT(c.username, '@', s.primary_domain) END,
       CASE WHEN a.enabled AND COALESCE(c.enabled, a.enabled) THEN 1 ELSE 0 END,
       0, 0, '', 0, 0, 0, 0, 0, 0, 0, 0, '', 0, 0, 0, 65534, 65534, '', ''
  FROM address a JOIN site s ON s.site_id = a.site_id
  JOIN domain d ON d.site_id = a.site_id
   AND (a.domain_id = d.domain_id OR a.domain_id = 0 AND d.name = s.primary_domain)
  LEFT JOIN account c ON c.account_id = a.account_id AND c.site_id = a.site_id;

-- Whom an account does not want mail of.
CREATE OR REPLACE VIEW blocklists AS
SELECT r.rule_id AS block_id, d.domain_id AS domain_id, c.account_id AS user_id, 'From' AS blockhdr,
       r.value AS blockval, 'black' AS color
  FROM mta_rule r JOIN account c ON r.scope_id = CONCAT(c.account_id, '') JOIN site s ON s.site_id = c.site_id
  JOIN domain d ON d.name = s.primary_domain
 WHERE r.scope_rank = 2 AND r.action = 'deny' AND r.kind IN (1, 2);

-- Groups are not kept: nobody is in one.
CREATE OR REPLACE VIEW groups AS
SELECT s.site_id AS id, s.site_id AS domain_id, s.name AS name, 'N' AS is_public, 0 AS enabled FROM site s WHERE 1 = 0;
CREATE OR REPLACE VIEW group_contents AS
SELECT s.site_id AS group_id, s.site_id AS member_id FROM site s WHERE 1 = 0;

GRANT SELECT ON groups TO exim;
GRANT SELECT ON group_contents TO exim;
GRANT SELECT ON domains TO exim;
GRANT SELECT ON domainalias TO exim;
GRANT SELECT ON users TO exim;
GRANT SELECT ON blocklists TO exim;
