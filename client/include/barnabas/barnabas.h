/* Everything of libbarnabas. */
#ifndef BARNABAS_H
#define BARNABAS_H

#include <barnabas/admin.h>
#include <barnabas/base.h>
#include <barnabas/consumer.h>
#include <barnabas/deduplication.h>
#include <barnabas/groups.h>
#include <barnabas/interceptor.h>
#include <barnabas/log_offsets.h>
#include <barnabas/open_transactions.h>
#include <barnabas/parallel.h>
#include <barnabas/producer.h>
#include <barnabas/retry.h>
#include <barnabas/stamps.h>
#include <barnabas/token_bucket.h>
#include <barnabas/transactions.h>

#endif
