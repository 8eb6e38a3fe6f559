# Mail was moved out of the folder of spam (config/dovecot/postern-training.conf). Who throws spam away says nothing of it.
require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];

if environment :is "imap.mailbox" ["Junk", "Trash"] {
  stop;
}
if environment :matches "imap.user" "*" {
  set "user" "${1}";
}
pipe :copy "postern-learn" ["ham", "${user}"];
