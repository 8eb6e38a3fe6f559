-- Our views on vexim's schema, so that the configuration of config/exim and config/postfix runs as it is. On MariaDB
-- and PostgreSQL, after mariadb.sql or postgresql.sql, whose views of these names they take the place of.
--
-- vexim: the database (PostgreSQL: the schema) of vexim; mail1 and mail1.isp.example: the mail server. Ids are those of
-- the query in docs/directory.md (q:11, site 1). What a vexim pipes or refuses by name stays without a recipient.
DROP VIEW IF EXISTS mta_login;
DROP VIEW IF EXISTS mta_recipient;
DROP VIEW IF EXISTS mta_domain;

CREATE VIEW mta_domain AS
SELECT d.domain AS domain, CONCAT(d.domain_id, '') AS site FROM vexim.domains d WHERE d.enabled = 1 AND d.type = 'local'
UNION ALL
SELECT a.alias, CONCAT(d.domain_id, '') FROM vexim.domainalias a JOIN vexim.domains d ON d.domain_id = a.domain_id
 WHERE d.enabled = 1 AND d.type = 'local';

CREATE VIEW mta_recipient AS
SELECT n.name AS domain, u.localpart AS local, 0 AS by_name, 0 AS wide,
       CASE WHEN u.enabled = 1 AND n.enabled = 1 AND u.type IN ('local', 'alias', 'catch') THEN 1 ELSE 0 END AS live,
       CASE WHEN u.type = 'catch' THEN '' ELSE CONCAT('q:', u.user_id) END AS account_id,
       CONCAT(u.domain_id, '') AS site,
       CASE WHEN u.type <> 'local' THEN 'forward' WHEN u.on_forward = 0 THEN 'mailbox'
            WHEN u.unseen = 1 THEN 'both' ELSE 'forward' END AS kind,
       'mail1' AS server, 'mail1.isp.example' AS host, u.username AS login, u.username AS address,
       CASE WHEN u.type <> 'local' THEN COALESCE(NULLIF(u.smtp, ''), u.forward, '') WHEN u.on_forward = 0 THEN ''
            ELSE COALESCE(u.forward, '') END AS forward_to
  FROM (SELECT d.domain_id, d.domain AS name, d.enabled FROM vexim.domains d
        UNION ALL
        SELECT a.domain_id, a.alias, d.enabled FROM vexim.domainalias a
          JOIN vexim.domains d ON d.domain_id = a.domain_id
       ) n JOIN vexim.users u ON u.domain_id = n.domain_id;

CREATE VIEW mta_login AS
SELECT r.domain, r.local, r.by_name, r.wide, r.live, r.account_id, r.site, r.kind, r.login, r.address, r.server, r.host,
       993 AS port, 'tls' AS security, 'up' AS state, u.crypt AS password_hash
  FROM mta_recipient r JOIN vexim.users u ON r.account_id = CONCAT('q:', u.user_id);

GRANT SELECT ON mta_domain TO exim, postfix, spamassassin;
GRANT SELECT ON mta_recipient TO exim, postfix;
GRANT SELECT (domain, local, by_name, wide, account_id) ON mta_recipient TO spamassassin;
GRANT SELECT ON mta_login TO dovecot;
