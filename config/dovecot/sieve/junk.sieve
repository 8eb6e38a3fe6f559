# Before a person's own rules: what Rspamd (milter_headers: "X-Spam: Yes") or SpamAssassin marked goes into the folder of
# spam. The user_query of config/dovecot/sql says for whom.
require ["fileinto", "mailbox"];

if anyof (header :is "X-Spam" "Yes", header :matches "X-Spam-Flag" "YES*") {
  fileinto :create "Junk";
  stop;
}
