/*
 * Tells whoever supervises this process how far it is: systemd's protocol, one datagram to the
 * socket that NOTIFY_SOCKET names. Without that nothing happens.
 *
 * Threads: any. Source: systemd, sd_notify(3).
 */
#ifndef BROKER_SERVICE_NOTIFY_H
#define BROKER_SERVICE_NOTIFY_H

/* "READY=1", "STOPPING=1", "STATUS=..." */
void service_notify(const char *state);

#endif
