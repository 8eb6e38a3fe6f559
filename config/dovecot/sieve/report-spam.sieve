# Mail was moved into the folder of spam (config/dovecot/postern-training.conf).
require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];

if environment :matches "imap.user" "*" {
  set "user" "${1}";
}
pipe :copy "postern-learn" ["spam", "${user}"];
