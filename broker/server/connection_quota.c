#include "broker/server/connection_quota.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <uthash.h>

struct address_count {
    struct in6_addr address;
    int32_t connections;
    int32_t connections_max;
    bool permanent; /* has a limit of its own */
    UT_hash_handle hh;
};

bool connection_address(const struct sockaddr_storage *from, struct in6_addr *address) {
    if (from->ss_family == AF_INET6) {
        *address = ((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
        return true;
    }
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)from;

        *address = (struct in6_addr){.s6_addr[10] = 0xff, .s6_addr[11] = 0xff};
        memcpy(&address->s6_addr[12], &v4->sin_addr, 4);
        return true;
    }
    return false;
}

static bool address_parse(const char *text, struct in6_addr *address) {
    struct in_addr v4;

    if (inet_pton(AF_INET, text, &v4) == 1) {
        *address = (struct in6_addr){.s6_addr[10] = 0xff, .s6_addr[11] = 0xff};
        memcpy(&address->s6_addr[12], &v4, 4);
        return true;
    }
    return inet_pton(AF_INET6, text, address) == 1;
}

static struct address_count *find(struct connection_quota *quota, const struct in6_addr *address) {
    struct address_count *found = NULL;

    HASH_FIND(hh, quota->addresses, address, sizeof(*address), found);
    return found;
}

static struct address_count *find_or_add(struct connection_quota *quota,
                                         const struct in6_addr *address) {
    struct address_count *count = find(quota, address);

    if (count != NULL)
        return count;
    count = calloc(1, sizeof(*count));
    if (count == NULL)
        return NULL;
    count->address = *address;
    count->connections_max = quota->per_address_max;
    HASH_ADD(hh, quota->addresses, address, sizeof(count->address), count);
    return count;
}

/* All addresses are looked at before anything changes. */
static enum error check_limits(const struct server_limits *limits) {
    for (size_t i = 0; i < limits->address_limit_count; i++) {
        struct in6_addr address;

        if (!address_parse(limits->address_limits[i].address, &address))
            return ERR_CONFIG_INVALID;
    }
    return ERR_NONE;
}

/* Addresses without a limit of their own follow the common one, and go when nobody is there. */
static void forget_limits(struct connection_quota *quota) {
    struct address_count *count, *next;

    HASH_ITER (hh, quota->addresses, count, next) {
        count->permanent = false;
        count->connections_max = quota->per_address_max;
    }
}

static void drop_unused(struct connection_quota *quota) {
    struct address_count *count, *next;

    HASH_ITER (hh, quota->addresses, count, next) {
        if (count->connections > 0 || count->permanent)
            continue;
        HASH_DEL(quota->addresses, count);
        free(count);
    }
}

enum error connection_quota_set_limits(struct connection_quota *quota,
                                       const struct server_limits *limits, bool *retry) {
    enum error error = check_limits(limits);

    if (error != ERR_NONE)
        return error;
    mutex_lock(&quota->lock);
    quota->connections_max = limits->connections_max;
    quota->per_address_max = limits->connections_per_ip_max;
    forget_limits(quota);
    for (size_t i = 0; i < limits->address_limit_count && error == ERR_NONE; i++) {
        const struct server_address_limit *limit = &limits->address_limits[i];
        struct address_count *count;
        struct in6_addr address;

        CHECK(address_parse(limit->address, &address));
        count = find_or_add(quota, &address);
        if (count == NULL) {
            error = ERR_OUT_OF_MEMORY;
            continue;
        }
        count->connections_max = limit->connections_max;
        count->permanent = true;
    }
    drop_unused(quota);
    *retry = quota->acceptor_waits && quota->connections < quota->connections_max;
    if (*retry)
        quota->acceptor_waits = false;
    mutex_unlock(&quota->lock);
    return error;
}

enum error connection_quota_init(struct connection_quota *quota,
                                 const struct server_config *config) {
    const struct server_limits limits = {
        .connections_max = config->connections_max,
        .connections_per_ip_max = config->connections_per_ip_max,
        .address_limits = config->address_limits,
        .address_limit_count = config->address_limit_count,
    };
    enum error error;
    bool retry;

    *quota = (struct connection_quota){.connections = 0};
    mutex_init(&quota->lock);
    error = connection_quota_set_limits(quota, &limits, &retry);
    if (error != ERR_NONE)
        connection_quota_done(quota);
    return error;
}

void connection_quota_done(struct connection_quota *quota) {
    struct address_count *count, *next;

    HASH_ITER (hh, quota->addresses, count, next) {
        HASH_DEL(quota->addresses, count);
        free(count);
    }
    mutex_done(&quota->lock);
}

bool connection_quota_reserve(struct connection_quota *quota, bool exempt) {
    bool reserved;

    mutex_lock(&quota->lock);
    reserved = exempt || quota->connections < quota->connections_max;
    if (reserved)
        quota->connections++;
    else
        quota->acceptor_waits = true;
    mutex_unlock(&quota->lock);
    return reserved;
}

bool connection_quota_admit(struct connection_quota *quota, const struct in6_addr *address) {
    struct address_count *count;
    bool admitted = false;

    mutex_lock(&quota->lock);
    count = find_or_add(quota, address);
    if (count != NULL && count->connections < count->connections_max) {
        count->connections++;
        admitted = true;
    } else if (count != NULL && count->connections == 0 && !count->permanent) {
        HASH_DEL(quota->addresses, count);
        free(count);
    }
    mutex_unlock(&quota->lock);
    return admitted;
}

bool connection_quota_release(struct connection_quota *quota, const struct in6_addr *address) {
    bool retry;

    mutex_lock(&quota->lock);
    CHECK(quota->connections > 0);
    quota->connections--;
    if (address != NULL) {
        struct address_count *count = find(quota, address);

        CHECK(count != NULL && count->connections > 0);
        count->connections--;
        if (count->connections == 0 && !count->permanent) {
            HASH_DEL(quota->addresses, count);
            free(count);
        }
    }
    retry = quota->acceptor_waits && quota->connections < quota->connections_max;
    if (retry)
        quota->acceptor_waits = false;
    mutex_unlock(&quota->lock);
    return retry;
}
