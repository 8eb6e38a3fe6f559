-- Our views on PostfixAdmin's schema, so that the configuration of config/exim and config/postfix runs as it is. On
-- MariaDB and PostgreSQL, after mariadb.sql or postgresql.sql, whose views of these names they take the place of.
--
-- postfixadmin: the database (PostgreSQL: the schema) of PostfixAdmin; mail1 and mail1.isp.example: the mail server.
-- Ids are those of the query in docs/directory.md (q:alice@a.example, site a.example); letters beyond ASCII have none.
DROP VIEW IF EXISTS mta_login;
DROP VIEW IF EXISTS mta_recipient;
DROP VIEW IF EXISTS mta_domain;

CREATE VIEW mta_domain AS
SELECT d.domain AS domain, d.domain AS site FROM postfixadmin.domain d
 WHERE d.active AND NOT d.backupmx AND d.domain <> 'ALL'
UNION ALL
SELECT t.alias_domain, t.target_domain
  FROM postfixadmin.alias_domain t JOIN postfixadmin.domain d ON d.domain = t.target_domain
 WHERE t.active AND d.active AND NOT d.backupmx;

-- An alias that leads to one mailbox is that mailbox's; one that leads to itself and others forwards and keeps.
CREATE VIEW mta_recipient AS
SELECT w.domain, w.local, w.by_name, 0 AS wide, w.live,
       CASE WHEN w.mailbox IS NULL THEN '' ELSE CONCAT('q:',
         REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(
         REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(LOWER(w.mailbox)
         , '_', '_5f'), '!', '_21'), '#', '_23'), '$', '_24'), '%', '_25'), '&', '_26'), '''', '_27'), '*', '_2a')
         , '+', '_2b'), '/', '_2f'), '=', '_3d'), '?', '_3f'), '^', '_5e'), '`', '_60'), '{', '_7b'), '|', '_7c')
         , '}', '_7d'), '~', '_7e')) END AS account_id,
       w.site, CASE WHEN w.goto = '' THEN 'mailbox' WHEN w.keeps = 1 THEN 'both' ELSE 'forward' END AS kind,
       'mail1' AS server, 'mail1.isp.example' AS host, COALESCE(w.mailbox, '') AS login,
       COALESCE(w.mailbox, '') AS address, w.goto AS forward_to
  FROM (
    SELECT d.domain AS domain, 0 AS by_name, COALESCE(o.username, m.username) AS mailbox,
           COALESCE(o.domain, m.domain, a.domain) AS site,
           CASE WHEN a.address LIKE '@%' THEN '*'
                ELSE SUBSTRING(a.address, 1, POSITION('@' IN a.address) - 1) END AS local,
           CASE WHEN a.active AND COALESCE(o.active, m.active, a.active) THEN 1 ELSE 0 END AS live,
           CASE WHEN o.username IS NULL AND m.username IS NOT NULL THEN ''
                ELSE TRIM(BOTH ',' FROM REPLACE(CONCAT(',', a.goto, ','), CONCAT(',', a.address, ','), ','))
                END AS goto,
           CASE WHEN POSITION(CONCAT(',', a.address, ',') IN CONCAT(',', a.goto, ',')) > 0 THEN 1 ELSE 0 END AS keeps
      FROM mta_domain d JOIN postfixadmin.alias a ON a.domain = d.site
      LEFT JOIN postfixadmin.mailbox o ON o.username = a.address
      LEFT JOIN postfixadmin.mailbox m ON m.username = a.goto
    UNION ALL
    SELECT d.domain, 1, o.username, o.domain, o.local_part, CASE WHEN o.active THEN 1 ELSE 0 END, '', 1
      FROM mta_domain d JOIN postfixadmin.mailbox o ON o.domain = d.site
  ) w;

CREATE VIEW mta_login AS
SELECT d.domain AS domain, m.local_part AS local, 1 AS by_name, 0 AS wide, CASE WHEN m.active THEN 1 ELSE 0 END AS live,
       m.domain AS site, 'mailbox' AS kind, m.username AS login, m.username AS address, 'mail1' AS server,
       'mail1.isp.example' AS host, 993 AS port, 'tls' AS security, 'up' AS state, m.password AS password_hash
  FROM mta_domain d JOIN postfixadmin.mailbox m ON m.domain = d.site;

GRANT SELECT ON mta_domain TO exim, postfix, spamassassin;
GRANT SELECT ON mta_recipient TO exim, postfix;
GRANT SELECT (domain, local, by_name, wide, account_id) ON mta_recipient TO spamassassin;
GRANT SELECT ON mta_login TO dovecot;
