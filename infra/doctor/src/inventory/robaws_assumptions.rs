//! The assumptions about Robaws, in the order of its contract.

use super::{Assumption, ROBAWS_ARTICLES, ROBAWS_PACING, ROBAWS_PARTIES, ROBAWS_TRANSPORT, ROBAWS_WIRE};

pub(super) const ROBAWS_ASSUMPTIONS: &[Assumption] = &[
    Assumption::known("rw-access", "Transport")
        .says("Robaws takes key and secret as Basic authentication.")
        .stands_in(ROBAWS_TRANSPORT, "Client::build_request")
        .decided_by_reading("The first call, one page of stock locations.")
        .remedy("Enter key and secret of an \"API only\" user again; a refusal with the header `X-Robaws-Unauthorized-Reason` means that Robaws has blocked the user for a while."),
    Assumption::known("rw-modules", "Transport")
        .says("The API user may read every module that the connector needs.")
        .stands_in(ROBAWS_TRANSPORT, "read_answer")
        .decided_by_reading("One page of each module's list.")
        .remedy("Give the API user's role the modules that are named; webhooks need an administrator."),
    Assumption::known("rw-pages", "Transport")
        .says("A list is an object with `items`, `totalItems` and `totalPages`; `page` counts from 0, `size` is at most 100.")
        .stands_in(ROBAWS_WIRE, "ListPage")
        .decided_by_reading("The shape of the lists, and whether page 1 of articles goes on where page 0 ends.")
        .remedy("Change `Page` and `Client::read_whole_list` to the names and the numbering that were found."),
    Assumption::known("rw-sort", "Transport")
        .says("`sort=id:desc` puts the newest first.")
        .stands_in(ROBAWS_TRANSPORT, "Client::read_whole_list")
        .decided_by_reading("The ids of articles asked for in that order.")
        .remedy("Nothing of the connector relies on it; only the doctor then sees old documents instead of new ones."),
    Assumption::known("rw-error-body", "Transport")
        .says("A refusal is JSON with `status`, `error`, `path` and `correlationId`; what is not there is 404.")
        .stands_in(ROBAWS_WIRE, "read_error_message")
        .decided_by_reading("An article that can't exist, and every 403 that comes.")
        .remedy("Change `read_error_message`: without it notifications show only the status; a missing article that is not 404 must be mapped in `transport.rs: read_answer`."),
    Assumption::known("rw-rate-headers", "Transport")
        .says("`X-RateLimit-Remaining`, `X-RateLimit-Daily-Remaining`, `-Daily-Limit` and `-Daily-Reset` (seconds) are on every answer.")
        .stands_in(ROBAWS_PACING, "Pacer::learn_from_answer")
        .decided_by_reading("The headers of the first answers: names, whole numbers, a reset within a day.")
        .remedy("Change the names in `Pacer::learn_from_answer`; until then pace by `PER_SECOND` alone."),
    Assumption::known("rw-replica", "Transport")
        .says("`Database-Mode: replica` reads from a copy with a daily quota of its own.")
        .stands_in(ROBAWS_TRANSPORT, "Client::build_request")
        .decided_by_reading("The day's quota that a replica answer shows, against that of the live answers around it.")
        .remedy("The nightly check then uses the same quota as orders: ask Robaws for a higher one, or read less (`articles_page`, `documents_page`)."),
    Assumption::known("rw-bad-credentials", "Transport")
        .says("Bad credentials are 401.")
        .stands_in(ROBAWS_TRANSPORT, "read_answer")
        .decided_by_hand("a call with a wrong secret counts towards a block of the API user", "Enter a wrong secret in a test tenant: the connection must become `needs_credentials`.")
        .remedy(""),
    Assumption::assumed("rw-idempotency-memory", "Transport")
        .says("An `Idempotency-Key` is remembered for 24 hours at most.")
        .stands_in(ROBAWS_TRANSPORT, "Request::idempotency_key")
        .decided_by_hand("only repeated writes show it", "Nothing is to be done: the ledger decides what was done, whatever Robaws remembers.")
        .remedy(""),
    Assumption::assumed("rw-stock-locations", "Stock")
        .says("`/stock-locations` gives `id` and `name`.")
        .stands_in(ROBAWS_WIRE, "NamedItem")
        .decided_by_reading("The fields of the list.")
        .remedy("Change `Named` to the name that was found."),
    Assumption::known("rw-vat-tariffs", "VAT tariffs")
        .says("A VAT tariff has `id`, `name` and `percentage`, a number such as 21 or 25.5.")
        .stands_in(ROBAWS_WIRE, "WireTariff")
        .decided_by_reading("The fields of the list; a percentage between 0 and 1 would be a fraction.")
        .remedy("Change `WireTariff::into_tariff`: percentages as fractions would make every invoice wrong."),
    Assumption::assumed("rw-vat-inclusive", "VAT tariffs")
        .says("\"BTW berekening inclusief\" of a tariff is `vatInclusive`, true or false.")
        .stands_in(ROBAWS_WIRE, "WireTariff::vat_inclusive")
        .decided_by_reading("The fields of the list of tariffs, with others that could mean the same.")
        .remedy("Rename `vat_inclusive` in `WireTariff` to the field that was found. Until then no tariff counts as inclusive, and no order can be invoiced."),
    Assumption::known("rw-articles", "Articles")
        .says("An article has `id`, `articleNumber`, `name`, `costPrice`, `salePrice` (numbers), `vatTariffId` and `stockArticle`.")
        .stands_in(ROBAWS_WIRE, "WireArticle")
        .decided_by_reading("The fields of a page of articles.")
        .remedy("Change the fields of `WireArticle`."),
    Assumption::known("rw-available-stock", "Articles")
        .says("`availableStock` is a number, and there with `include=availableStock`.")
        .stands_in(ROBAWS_WIRE, "WireArticle::available_stock")
        .decided_by_reading("A page of articles with and one without the include.")
        .remedy("Change `ARTICLE_INCLUDES` or `available_stock`; without it every offer goes out with stock 0."),
    Assumption::known("rw-location-stock", "Articles")
        .says("`availableStock` is the total of all stock locations, less what is reserved.")
        .stands_in(ROBAWS_WIRE, "WireArticle::available_stock")
        .confirmed_by_reading("Whether an article shows its stock per location (`include=stockLocations`), and whether that adds up.", "Open one article in Robaws and compare the stock of its locations and its reservations with what the connector's list of articles shows.")
        .remedy(""),
    Assumption::assumed("rw-article-gone", "Articles")
        .says("`archivedAt` and `deletedAt`, a time or null, mark an article that is gone.")
        .stands_in(ROBAWS_WIRE, "WireArticle::is_live")
        .decided_by_reading("The fields of a page of articles, with others that could mean the same.")
        .remedy("Change `is_live` and the two fields; until then archived articles keep their offers."),
    Assumption::assumed("rw-sale-price-vat", "Articles")
        .says("`salePrice` includes VAT when the article's tariff is VAT-inclusive.")
        .stands_in(ROBAWS_WIRE, "WireArticle::sale_price")
        .decided_by_hand("the API says only the number", "Give a test article an inclusive tariff and a sale price, and compare an offer in Robaws with the price that ProductFlow gets; leave `send_sale_price` off until then.")
        .remedy(""),
    Assumption::assumed("rw-checkbox", "Articles")
        .says("The checkbox is `extraFields.ProductFlow.booleanValue`.")
        .stands_in(ROBAWS_WIRE, "CHECKBOX")
        .decided_by_reading("The extra fields of a page of articles, with those whose name resembles it.")
        .remedy("If its name differs only in case or spaces, rename it in Robaws (settings → articles → extra fields); else change `CHECKBOX`."),
    Assumption::known("rw-ticked-filter", "Articles")
        .says("`extraFields[ProductFlow]=true` lists the ticked articles.")
        .stands_in(ROBAWS_WIRE, "TICKED_FILTER")
        .decided_by_reading("A page under the filter: every article of it must be ticked, and each ticked one known must be there.")
        .remedy("If it is refused (400), the checkbox is not defined: an administrator makes it. If it is ignored, the nightly check still finds every ticked article, but a full push reads them all."),
    Assumption::known("rw-article-number-filter", "Articles")
        .says("The filter `articleNumber` gives every article whose number contains the text, whatever the case.")
        .stands_in(ROBAWS_ARTICLES, "Client::find_article_by_number")
        .decided_by_reading("A part of a number, in lower case: the article must be among the answers, and those fewer than all.")
        .remedy("If it is ignored, each look-up of an order line reads the whole list: do not go live. If it only matches whole numbers, the search for articles on the merchant's page finds less, look-ups are right."),
    Assumption::assumed("rw-article-name-filter", "Articles")
        .says("The filter `name` gives every article whose name contains the text.")
        .stands_in(ROBAWS_WIRE, "NAME_FILTER")
        .decided_by_reading("A part of a name: the article must be among the answers.")
        .remedy("Only the search for articles on the merchant's page uses it: change `find_articles`."),
    Assumption::assumed("rw-stock-change-create", "Stock")
        .says("`POST /stock-changes` with inline lines, positive quantities and `booked` books it at once; an unknown id is 400.")
        .stands_in(ROBAWS_WIRE, "stock_change_body")
        .decided_by_hand("only a write shows it", "Place one test order with one piece: the stock change must be booked in Robaws, the article one piece down at the location; cancel it and the piece must come back.")
        .remedy(""),
    Assumption::assumed("rw-stock-changes", "Stock")
        .says("A stock change shows `id`, `booked`, `description`, `fromStockLocationId` and `toStockLocationId`.")
        .stands_in(ROBAWS_WIRE, "StockChange")
        .decided_by_reading("The fields of the newest stock changes; at least one location must be filled in.")
        .remedy("Change the fields of `StockChange`, and most likely `stock_change_body` in the same way."),
    Assumption::assumed("rw-stock-change-lines", "Stock")
        .says("With `include=lineItems` a stock change shows its lines, each with `articleId` and a positive `quantity`.")
        .stands_in(ROBAWS_WIRE, "StockChangeLine")
        .decided_by_reading("One stock change with its lines.")
        .remedy("Change `StockChange::lines` and `StockLine`, and most likely `stock_change_body`: a sign in the quantity means that there are no two locations."),
    Assumption::assumed("rw-stock-change-description", "Stock")
        .says("`description` comes back as it was written.")
        .stands_in(ROBAWS_WIRE, "StockChange::has_mark_of_ours")
        .confirmed_by_reading("Whether a stock change shows a mark of the connector.", "Place one test order and read its stock change in Robaws: the text must end with the mark `#1-…`.")
        .remedy(""),
    Assumption::assumed("rw-updated-from", "Stock")
        .says("`updatedFrom` filters lists of documents.")
        .stands_in(ROBAWS_WIRE, "format_timestamp")
        .decided_by_reading("Stock changes that change after the year 2100: none may come.")
        .remedy("If it is ignored, a search after a lost answer reads all documents: right, but slow. If it is refused (400), change `timestamp` to the format that Robaws takes."),
    Assumption::assumed("rw-invoice-moves-no-stock", "Stock")
        .says("A line of an invoice moves no stock.")
        .stands_in(ROBAWS_WIRE, "invoice_line_body")
        .decided_by_hand("only a booked invoice shows it", "Ship the test order and book its invoice: the article's stock must be what it was before. If it is not, every piece is counted twice: do not go live.")
        .remedy(""),
    Assumption::known("rw-names", "Clients, users, companies")
        .says("Clients, companies and payment conditions have `id` and `name`, users `id` and `fullName`.")
        .stands_in(ROBAWS_WIRE, "NamedItem::name")
        .decided_by_reading("The fields of the four lists.")
        .remedy("Change `Named`."),
    Assumption::assumed("rw-client-search", "Clients, users, companies")
        .says("`GET /clients?name=` gives every client whose name contains the text.")
        .stands_in(ROBAWS_PARTIES, "Client::find_clients_by_name")
        .decided_by_reading("A part of a client's name: that client must be among the answers.")
        .remedy("Only the search for the B2C client uses it: type the client's number instead, or change `clients_called`."),
    Assumption::assumed("rw-client-number", "Clients, users, companies")
        .says("The number that people know a client by is its `id`.")
        .stands_in(ROBAWS_PARTIES, "Client::find_clients")
        .decided_by_reading("Whether clients show another number, such as `logicId`, that differs from their `id`.")
        .remedy("Choose the B2C client by its name, never by the number that Robaws shows; change `find_clients` to look by the number that was found."),
    Assumption::known("rw-invoices", "Sales invoices")
        .says("A sales invoice has `id`, `clientId` and `booked`.")
        .stands_in(ROBAWS_WIRE, "Invoice")
        .decided_by_reading("The fields of the newest invoices.")
        .remedy("Change the fields of `Invoice` and the body in `invoice_header_body`."),
    Assumption::assumed("rw-invoice-type", "Sales invoices")
        .says("A sales invoice shows its `type`, `INVOICE` or `CREDIT_NOTE`.")
        .stands_in(ROBAWS_WIRE, "document_type")
        .decided_by_reading("The words in `type` of the newest invoices and of those asked for with `type=CREDIT_NOTE`.")
        .remedy("Change `document_type`; a credit note that is not known as one would count as a second invoice."),
    Assumption::assumed("rw-invoice-header", "Sales invoices")
        .says("A sales invoice shows `date`, and `companyId` and `paymentConditionId` where they are set.")
        .stands_in(ROBAWS_WIRE, "Invoice::date")
        .decided_by_reading("The fields of the newest invoices.")
        .remedy("Change these fields of `Invoice`; what an invoice does not show is taken as it was sent."),
    Assumption::assumed("rw-invoice-number", "Sales invoices")
        .says("`logicId` is the number of a booked invoice; a draft may have none.")
        .stands_in(ROBAWS_WIRE, "Invoice::number")
        .decided_by_reading("`logicId` of booked invoices and of drafts.")
        .remedy("Change the name in `Invoice::number`; until then orders show no invoice number."),
    Assumption::known("rw-invoice-totals", "Sales invoices")
        .says("`totalInclVat` is the invoice's total, a number; it may be null on a draft.")
        .stands_in(ROBAWS_WIRE, "Invoice::total_incl_vat")
        .decided_by_reading("`totalInclVat` of booked invoices and of drafts.")
        .remedy("Change `total_incl_vat`; until then no invoice is compared with its order to the cent."),
    Assumption::known("rw-invoice-lines", "Sales invoices")
        .says("With `include=lineItems` an invoice shows its lines with `type`, `quantity`, `price` and `vatTariffId`.")
        .stands_in(ROBAWS_WIRE, "ShownInvoiceLine")
        .decided_by_reading("One invoice with its lines.")
        .remedy("Change `InvoiceLineShown` and `invoice_line_body`."),
    Assumption::assumed("rw-negative-quantity", "Sales invoices")
        .says("The quantity of an invoice line may be negative.")
        .stands_in(ROBAWS_WIRE, "invoice_line_body")
        .confirmed_by_reading("Whether a line of the invoice that was read has one.", "Place a test order with a discount and ship it: the invoice must have a line with quantity -1.")
        .remedy(""),
    Assumption::assumed("rw-reference-filter", "Sales invoices")
        .says("`clientReference` comes back as written and can be filtered on.")
        .stands_in(ROBAWS_WIRE, "Invoice::client_reference")
        .decided_by_reading("The reference of an invoice: it must be among the answers, and those fewer than all.")
        .remedy("If it is ignored, a look-up after a lost answer reads every invoice: right, but slow. If it does not come back, change `client_reference` and `invoice_header_body`: without it a lost answer ends in doubt."),
    Assumption::assumed("rw-delete-draft", "Sales invoices")
        .says("`DELETE` removes a draft; of a booked invoice it is refused.")
        .stands_in(ROBAWS_TRANSPORT, "Request::delete")
        .decided_by_hand("only a write shows it", "Undo the draft of a test order on the merchant's page: it must be gone in Robaws.")
        .remedy(""),
    Assumption::known("rw-task-words", "Tasks")
        .says("A task has a `status`; `Te doen` is open and `Gedaan` done.")
        .stands_in(ROBAWS_WIRE, "TASK_OPEN")
        .decided_by_reading("The words in `status` of existing tasks.")
        .remedy("Change `TASK_OPEN` and `TASK_DONE` to the words that were found, or leave `task_user_id` empty."),
    Assumption::known("rw-webhooks", "Webhooks")
        .says("A webhook endpoint shows `id` and `url`, and never its secret.")
        .stands_in(ROBAWS_WIRE, "WebhookEndpoint")
        .decided_by_reading("The fields of the list.")
        .remedy("Change `WebhookEndpoint`; until then a re-activation may register a second endpoint."),
    Assumption::assumed("rw-silent-edits", "Webhooks")
        .says("Some edits of articles fire no event.")
        .stands_in(ROBAWS_WIRE, "webhook_body")
        .decided_by_hand("only an edit shows it", "Nothing is to be done: the nightly check finds what was not announced.")
        .remedy(""),
];
