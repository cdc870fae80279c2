/** The messages of proto/demo.proto as they look in the program: camel case, defaults filled in. */

export interface Money {
  currencyCode: string;
  units: number;
  nanos: number;
}

export interface CartItem {
  productId: string;
  quantity: number;
}

export interface Cart {
  userId: string;
  items: CartItem[];
}

export interface Product {
  id: string;
  name: string;
  description: string;
  picture: string;
  priceUsd: Money;
  categories: string[];
}

export interface Address {
  streetAddress: string;
  city: string;
  state: string;
  country: string;
  zipCode: number;
}

export interface CreditCard {
  creditCardNumber: string;
  creditCardCvv: number;
  creditCardExpirationYear: number;
  creditCardExpirationMonth: number;
}

export interface OrderResult {
  orderId: string;
  shippingTrackingId: string;
  shippingCost: Money;
  shippingAddress: Address;
  items: { item: CartItem; cost: Money }[];
}

export interface Ad {
  redirectUrl: string;
  text: string;
}

/** Requests and responses of every service, by method. */
export interface Services {
  CartService: {
    AddItem: [{ userId: string; item: CartItem }, object];
    GetCart: [{ userId: string }, Cart];
    EmptyCart: [{ userId: string }, object];
  };
  RecommendationService: {
    ListRecommendations: [{ userId: string; productIds: string[] }, { productIds: string[] }];
  };
  ProductCatalogService: {
    ListProducts: [object, { products: Product[] }];
    GetProduct: [{ id: string }, Product];
    SearchProducts: [{ query: string }, { results: Product[] }];
  };
  ShippingService: {
    GetQuote: [{ address: Address; items: CartItem[] }, { costUsd: Money }];
    ShipOrder: [{ address: Address; items: CartItem[] }, { trackingId: string }];
  };
  CurrencyService: {
    GetSupportedCurrencies: [object, { currencyCodes: string[] }];
    Convert: [{ from: Money; toCode: string }, Money];
  };
  PaymentService: { Charge: [{ amount: Money; creditCard: CreditCard }, { transactionId: string }] };
  EmailService: { SendOrderConfirmation: [{ email: string; order: OrderResult }, object] };
  CheckoutService: {
    PlaceOrder: [
      { userId: string; userCurrency: string; address: Address; email: string; creditCard: CreditCard },
      { order: OrderResult },
    ];
  };
  AdService: { GetAds: [{ contextKeys: string[] }, { ads: Ad[] }] };
}

export type ServiceName = keyof Services;
